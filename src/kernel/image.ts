import { IsolateError } from '../error.ts';
import { isKernelRelease } from '../spec/parse-name.ts';

/** How the kernel inside an image is compressed, by what its bytes begin with. */
const compressions = {
  gzip: '1f8b',
  xz: 'fd377a585a00',
  zstd: '28b52ffd',
  lz4: '02214c18',
  lzma: '5d0000',
  bzip2: '425a68',
} as const;

export type Compression = keyof typeof compressions;

/** An image of a kernel as a distribution installs it. */
export interface KernelImage {
  /** As uname(2) says it; null: the image does not say. */
  readonly release: string | null;
  /** What is compressed in it; null: it is an uncompressed kernel itself. */
  readonly payload: { readonly compression: Compression; readonly bytes: Buffer } | null;
}

/** Throws `bad-kernel` for what is no kernel for x86. `name` is for messages. (Documentation/arch/x86/boot.rst) */
export function readImage(name: string, bytes: Buffer): KernelImage {
  if (isElf(bytes)) return { release: checkRelease(name, findRelease(bytes)), payload: null };
  if (bytes.length < 0x264 || bytes.toString('latin1', 0x202, 0x206) !== 'HdrS' || bytes.readUInt16LE(0x206) < 0x0208) {
    throw notKernel(name, 'it is neither a bzImage nor an ELF file');
  }
  const version = bytes.readUInt16LE(0x20e) + 0x200;
  const [release = ''] = bytes.toString('latin1', version, version + 256).split(/[ \0]/, 1);
  const setup = ((bytes[0x1f1] ?? 0) || 4) * 512 + 512;
  const start = setup + bytes.readUInt32LE(0x248);
  const payload = bytes.subarray(start, start + bytes.readUInt32LE(0x24c));
  const found = (Object.keys(compressions) as Compression[]).find((one) => payload.toString('hex', 0, 6).startsWith(compressions[one]));
  if (found === undefined) throw notKernel(name, 'it is compressed in a way that isolate does not know');
  // All but gzip are followed by their uncompressed length.
  return {
    release: checkRelease(name, release === '' ? null : release),
    payload: { compression: found, bytes: found === 'gzip' ? payload : payload.subarray(0, -4) },
  };
}

/** Its modules are looked for in a directory of this name. */
function checkRelease(name: string, release: string | null): string | null {
  if (release === null || isKernelRelease(release)) return release;
  throw notKernel(name, `it says that its release is ${JSON.stringify(release)}`);
}

function notKernel(name: string, why: string): IsolateError {
  return new IsolateError('bad-kernel', `${name} is no kernel that a machine can boot: ${why}.`);
}

export function isElf(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === '\u007FELF';
}

function findRelease(bytes: Buffer): string | null {
  for (let at = bytes.indexOf('Linux version '); at >= 0; at = bytes.indexOf('Linux version ', at + 1)) {
    const [, release] = /^Linux version (\d\S*) /.exec(bytes.toString('latin1', at, at + 128)) ?? [];
    if (release !== undefined) return release;
  }
  return null;
}

const [noteSegment, pvhNote] = [4, 18];

/** Whether an uncompressed kernel can be started without a boot loader. (xen/include/public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY) */
export function hasDirectEntry(kernel: Buffer): boolean {
  if (!isElf(kernel) || kernel.length < 64) return false;
  const [table, size, count] = [Number(kernel.readBigUInt64LE(0x20)), kernel.readUInt16LE(0x36), kernel.readUInt16LE(0x38)];
  for (let at = table; at < table + size * count && at + 56 <= kernel.length; at += size) {
    if (kernel.readUInt32LE(at) !== noteSegment) continue;
    const start = Number(kernel.readBigUInt64LE(at + 8));
    if (hasNote(kernel.subarray(start, start + Number(kernel.readBigUInt64LE(at + 32))))) return true;
  }
  return false;
}

function hasNote(notes: Buffer): boolean {
  for (let at = 0; at + 12 <= notes.length;) {
    const [name, content, type] = [notes.readUInt32LE(at), notes.readUInt32LE(at + 4), notes.readUInt32LE(at + 8)];
    if (type === pvhNote && notes.toString('latin1', at + 12, at + 15) === 'Xen') return true;
    at += 12 + padded(name) + padded(content);
  }
  return false;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
