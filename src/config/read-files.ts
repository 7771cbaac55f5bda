import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IsolateError } from '../error.ts';
import { configPath, dropInDirectory } from './config.ts';

/** Where the settings are. */
export interface ConfigPlaces {
  /** Absent: /etc/isolate/config.toml. */
  readonly path?: string;
  /** Absent: /etc/isolate/config.d. */
  readonly directory?: string;
}

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** More than this is no file of settings. */
const mostBytes = 256 * 1024;

/**
 * The files that are there, the main one first, then those of the directory that end in `.toml` and do not begin with a
 * dot, in byte order. Throws `bad-config` for a file that cannot be read, is not root's or that others may write: what
 * it says gives rights. The same holds for the directory. Symbolic links are followed.
 */
export async function readConfigFiles(places: ConfigPlaces = {}): Promise<readonly ConfigFile[]> {
  const { path = configPath, directory = dropInDirectory } = places;
  const files: ConfigFile[] = [];
  for (const file of [path, ...(await listDropIns(directory))]) {
    const text = await readOwnFile(file);
    if (text !== null) files.push({ path: file, text });
  }
  return files;
}

async function listDropIns(directory: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.toml') && !name.startsWith('.'));
    if (names.length > 0) refuseForeign(directory, await stat(directory));
    return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map((name) => join(directory, name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(directory, error);
  }
}

/** null: there is no such file, or it went away since the directory was listed. */
async function readOwnFile(path: string): Promise<string | null> {
  try {
    // A named pipe is refused instead of waited for.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new IsolateError('bad-config', `${path} is not valid: it is no regular file.`);
      if (stats.size > mostBytes) throw new IsolateError('bad-config', `${path} is not valid: it has more than ${mostBytes} bytes.`);
      refuseForeign(path, stats);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error)) return null;
    throw unreadable(path, error);
  }
}

function refuseForeign(path: string, { uid, mode }: { readonly uid: number; readonly mode: number }): void {
  if (uid === 0 && (mode & 0o022) === 0) return;
  const reason = uid === 0 ? 'others than root may write it' : `it belongs to the user ${uid}`;
  throw new IsolateError('bad-config', `${path} is not used: ${reason}, and what it says gives rights.`, {
    hint: `chown root:root ${path}; chmod go-w ${path}`,
  });
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function unreadable(path: string, cause: unknown): IsolateError {
  return cause instanceof IsolateError ? cause : new IsolateError('bad-config', `${path} cannot be read.`, { cause });
}
