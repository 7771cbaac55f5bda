import { lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute } from 'node:path';

import { IsolateError } from '../error.ts';

/** Throws `usage` for a socket path that the broker would refuse at every start. */
export function checkFront(path: string): void {
  const reason = whyNot(path);
  if (reason === null) return;
  throw new IsolateError('usage', `The front's socket cannot be at ${JSON.stringify(path)}: ${reason}.`, {
    hint: 'use an absolute path in a directory that only root can write to, such as /run/isolate/front.sock',
  });
}

/** Longer names do not fit into the address of a socket, in which the directory is a descriptor (unix(7)). */
const longestName = 80;

function whyNot(path: string): string | null {
  if (!isAbsolute(path) || path.endsWith('/')) return 'it is not the absolute path of a file';
  if (Buffer.byteLength(basename(path)) > longestName) return `its name is longer than ${longestName} bytes`;
  const directory = dirname(path);
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return `there is no directory ${directory}`;
  if (realpathSync(directory) !== directory) return `${directory} is or lies behind a symbolic link`;
  if (stats.uid !== 0) return `${directory} belongs to uid ${stats.uid}`;
  if ((stats.mode & 0o022) !== 0) return `users other than root can write to ${directory}`;
  const present = lstatSync(path, { throwIfNoEntry: false });
  return present === undefined || present.isSocket() ? null : 'something else is there';
}
