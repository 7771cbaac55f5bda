import { isElf } from './image.ts';

/** What a kernel module needs, by the names of modules. */
export interface ModuleInfo {
  readonly depends: readonly string[];
  /** Wanted before it, where they are there: symbols that it asks for only while it runs. */
  readonly softly: readonly string[];
}

/** Reads the section `.modinfo` of an uncompressed module; null: it has none. (modinfo(8), modprobe.d(5)) */
export function readModuleInfo(bytes: Buffer): ModuleInfo | null {
  const fields = sectionOf(bytes, '.modinfo')?.toString('latin1').split('\0');
  if (fields === undefined) return null;
  const values = (name: string): string[] =>
    fields.filter((field) => field.startsWith(`${name}=`)).map((field) => field.slice(name.length + 1));
  return {
    depends: values('depends')
      .flatMap((value) => (value === '' ? [] : value.split(',')))
      .map(moduleName),
    softly: values('softdep')
      .flatMap((value) => /^pre:\s*(.*?)(?:\s*post:.*)?$/.exec(value)?.[1]?.split(/\s+/) ?? [])
      .filter((name) => name !== '')
      .map(moduleName),
  };
}

/** As the kernel writes it. */
export function moduleName(text: string): string {
  return text.replaceAll('-', '_');
}

function sectionOf(bytes: Buffer, wanted: string): Buffer | null {
  if (!isElf(bytes) || bytes.length < 64) return null;
  const [table, size, count, names] = [
    Number(bytes.readBigUInt64LE(0x28)),
    bytes.readUInt16LE(0x3a),
    bytes.readUInt16LE(0x3c),
    bytes.readUInt16LE(0x3e),
  ];
  const section = (index: number): { readonly name: number; readonly content: Buffer } | null => {
    const at = table + index * size;
    if (index >= count || at + 40 > bytes.length) return null;
    const start = Number(bytes.readBigUInt64LE(at + 24));
    return { name: bytes.readUInt32LE(at), content: bytes.subarray(start, start + Number(bytes.readBigUInt64LE(at + 32))) };
  };
  const texts = section(names)?.content;
  for (let index = 0; index < count; index += 1) {
    const found = section(index);
    if (texts === undefined || found === null) return null;
    if (texts.toString('latin1', found.name, found.name + wanted.length + 1) === `${wanted}\0`) return found.content;
  }
  return null;
}

/**
 * The modules that have to be loaded for `wanted`, each behind those that it needs. `read` gives what a module needs; null: there is no
 * such module, so it is built into the kernel or cannot be had.
 */
export async function orderModules(
  wanted: readonly string[],
  read: (name: string) => Promise<ModuleInfo | null>,
): Promise<readonly string[]> {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = async (name: string): Promise<void> => {
    if (seen.has(name)) return;
    seen.add(name);
    const info = await read(name);
    if (info === null) return;
    for (const other of [...info.softly, ...info.depends]) await visit(other);
    order.push(name);
  };
  for (const name of wanted) await visit(name);
  return order;
}
