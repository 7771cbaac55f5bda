import { readFileSync, readlinkSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import { isInherited } from '../process/inherited-descriptors.ts';
import { parseInteger } from '../spec/parse-number.ts';

/** The descriptor that `text` names; null: none is named. Throws `usage` for one that is not open for writing. */
export function openStatusDescriptor(text: string | undefined): number | null {
  if (text === undefined) return null;
  const descriptor = parseStatusDescriptor(text);
  if (!isOpenForWriting(descriptor)) throw new IsolateError('usage', `--status-fd ${descriptor} is not open for writing.`);
  return descriptor;
}

/** Throws `usage`. */
export function parseStatusDescriptor(text: string): number {
  return parseInteger('--status-fd', text, 1, 65_535);
}

/** Node has descriptors of its own, and crashes if something else writes to them. */
function isOpenForWriting(descriptor: number): boolean {
  if (!isInherited(descriptor)) return false;
  try {
    // Descriptors of Node's own, such as its event queue, look like `anon_inode:[eventpoll]`.
    if (readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('anon_inode:')) {
      return false;
    }
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & 3) !== 0;
  } catch {
    return false;
  }
}
