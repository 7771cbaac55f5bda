import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IsolateError } from '../error.ts';
import { configPath, dropInDirectory } from './config.ts';

/** Where the settings are. */
export interface ConfigPlaces {
  /** Absent: /etc/isolate/config.toml. */
  readonly path?: string;
  /** Absent: /etc/isolate/config.d. */
  readonly directory?: string;
  /** Called for what this process may not read, which is passed over: the administrator may hide it. Absent: it is an error. */
  readonly onHidden?: () => void;
}

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** The largest settings file that is accepted. */
const mostBytes = 256 * 1024;

/**
 * The existing files: the main one, then those of the directory that end in `.toml` and do not begin with a dot, in byte order. Throws
 * `bad-config` for a file that cannot be read, does not belong to root or can be written by others, because it grants rights. The same
 * applies to the directories. Symbolic links are followed. Synchronous, because every run by root waits for it, and waking threads
 * takes longer than reading.
 */
export function readConfigFiles(places: ConfigPlaces = {}): readonly ConfigFile[] {
  const { path = configPath, directory = dropInDirectory, onHidden } = places;
  const files: ConfigFile[] = [];
  const read = <Value>(action: () => Value, hidden: Value): Value =>
    onHidden === undefined ? action() : unlessHidden(action, hidden, onHidden);
  for (const file of [path, ...read(() => listDropIns(directory), [])]) {
    const text = read(() => readOwnFile(file), null);
    if (text !== null) files.push({ path: file, text });
  }
  for (const own of new Set(files.map((file) => dirname(file.path)))) {
    const stats = statSync(own, { throwIfNoEntry: false });
    if (stats !== undefined) refuseForeign(own, stats);
  }
  return files;
}

function listDropIns(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.toml') && !name.startsWith('.'));
    return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map((name) => join(directory, name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(directory, error);
  }
}

/** null: the file does not exist, or vanished after the directory was listed. */
function readOwnFile(path: string): string | null {
  try {
    // Without waiting for a named pipe, which is refused.
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new IsolateError('bad-config', `${path} is not a regular file.`);
      if (stats.size > mostBytes) throw new IsolateError('bad-config', `${path} is larger than ${mostBytes} bytes.`);
      refuseForeign(path, stats);
      return readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (isMissing(error)) return null;
    throw unreadable(path, error);
  }
}

function unlessHidden<Value>(action: () => Value, hidden: Value, onHidden: () => void): Value {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof IsolateError) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== 'EACCES') throw error;
    onHidden();
    return hidden;
  }
}

function refuseForeign(path: string, { uid, mode }: { readonly uid: number; readonly mode: number }): void {
  if (uid === 0 && (mode & 0o022) === 0) return;
  const reason = uid === 0 ? 'users other than root can write to it' : `it belongs to uid ${uid}`;
  throw new IsolateError('bad-config', `Refusing ${path}: ${reason}, and it grants privileges.`, {
    hint: `chown root:root ${path}; chmod go-w ${path}`,
  });
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function unreadable(path: string, cause: unknown): IsolateError {
  return cause instanceof IsolateError ? cause : new IsolateError('bad-config', `${path} cannot be read.`, { cause });
}
