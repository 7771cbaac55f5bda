import { readlinkSync } from 'node:fs';

/** Whether a process is in this process's own namespace of that kind; null: it is gone, or this user may not see it. */
export function sharesNamespace(pid: number, kind: 'mnt' | 'pid', procDirectory = '/proc'): boolean | null {
  try {
    return readlinkSync(`${procDirectory}/${pid}/ns/${kind}`) === readlinkSync(`${procDirectory}/self/ns/${kind}`);
  } catch {
    return null;
  }
}
