import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IsolateError } from '../error.ts';
import { readBootId } from './holder.ts';
import type { RuntimePaths } from './paths.ts';
import { readDirectory } from './read-directory.ts';

/** The file in a state directory that names the pid namespace and the boot of its users. */
export const pidNamespaceFile = 'pidns';

/**
 * Refuses a state directory that is in use from another pid namespace: its pids mean other processes here, so living holders would count
 * as dead. A free one becomes ours. Throws `state-unreadable`.
 */
export function claimRuntime(paths: RuntimePaths): void {
  claimForPidNamespace(paths.root, (bootId) => hasHolders(paths, bootId));
}

/** The same for any `directory`; `isInUse` is called if it was used from another namespace during this boot. */
export function claimForPidNamespace(directory: string, isInUse: (bootId: string) => boolean): void {
  const file = join(directory, pidNamespaceFile);
  const bootId = readBootId();
  const own = `${readOwnPidNamespace()} ${bootId}\n`;
  let recorded = readRecord(file);
  if (recorded === own) return;
  if (recorded === null && writeRecord(file, own, linkSync)) return;
  recorded ??= readRecord(file);
  if (recorded === own) return;
  if (recorded?.endsWith(` ${bootId}\n`) === true && isInUse(bootId)) throw inUse(directory, file);
  writeRecord(file, own, renameSync);
}

/** The pid namespace of the calling process, as the kernel names it: `pid:[INODE]`. */
export function readOwnPidNamespace(): string {
  return readlinkSync('/proc/self/ns/pid');
}

/** The pid namespace of the pids in a state directory; the caller's if none is recorded. */
export function readPidNamespace(directory: string): string {
  return readRecord(join(directory, pidNamespaceFile))?.split(' ')[0] ?? readOwnPidNamespace();
}

/** Whether the name of any claim ends in a holder of this boot; holders of earlier boots are certainly dead. */
function hasHolders(paths: RuntimePaths, bootId: string): boolean {
  const pools = readDirectory(paths.pools).map((key) => join(paths.pools, key));
  const directories = [paths.root, paths.runs, join(paths.ids, 'slots', 'used'), ...pools, ...pools.map((pool) => join(pool, 'leased'))];
  return directories.some((directory) => readDirectory(directory).some((name) => name.endsWith(`.${bootId}`)));
}

function readRecord(file: string): string | null {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Writes the file atomically; false: another process was quicker, if `publish` does not replace. */
function writeRecord(file: string, text: string, publish: (from: string, to: string) => void): boolean {
  const temporary = `${file}.${process.pid}.${process.hrtime.bigint()}`;
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    publish(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function inUse(directory: string, file: string): IsolateError {
  return new IsolateError('state-unreadable', `The state directory ${directory} belongs to another pid namespace, where it is in use.`, {
    hint: `remove ${file} if no run in another container uses the directory; otherwise give this container its own`,
  });
}
