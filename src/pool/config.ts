import { readFile } from 'node:fs/promises';
import { IsolateError } from '../error.ts';

/** The administrator's settings; described in docs/storage.md. */
export const configPath = '/etc/isolate/config.toml';

/**
 * How many fresh clones the file wants for `template`: its own `count`, else the one for all; null where it says
 * nothing or there is no file. Throws `bad-config`.
 */
export async function configuredCount(template: string, path: string = configPath): Promise<number | null> {
  const text = await readConfig(path);
  if (text === null) return null;
  const config = await parseConfig(text, path);
  const own = Object.entries(config.templates ?? {}).find(([name]) => name === template);
  return own?.[1].count ?? config.count ?? null;
}

/** The templates the file names, in its order; none where there is no file. Throws `bad-config`. */
export async function configuredTemplates(path: string = configPath): Promise<readonly string[]> {
  const text = await readConfig(path);
  return text === null ? [] : Object.keys((await parseConfig(text, path)).templates ?? {});
}

async function parseConfig(text: string, path: string) {
  const [{ parse, TomlError }, schema] = await Promise.all([import('smol-toml'), import('valibot')]);
  const count = schema.optional(schema.pipe(schema.number(), schema.integer(), schema.minValue(1), schema.maxValue(1000)));
  const config = schema.strictObject({
    count,
    templates: schema.optional(schema.record(schema.string(), schema.strictObject({ count }))),
  });
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw badConfig(path, `line ${String(error.line)}: ${error.message.split('\n')[0] ?? ''}`);
  }
  const result = schema.safeParse(config, table);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw badConfig(path, `${schema.getDotPath(issue) ?? 'it'}: ${issue.message}`);
}

async function readConfig(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new IsolateError('bad-config', `${path} cannot be read.`, { cause: error });
  }
}

function badConfig(path: string, reason: string): IsolateError {
  return new IsolateError('bad-config', `${path} is not valid: ${reason}.`, {
    hint: 'it may hold count = N and, for one template, [templates."POOL/NAME"] with count = N, 1 to 1000',
  });
}
