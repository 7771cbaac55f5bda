import { readFileSync } from 'node:fs';

import { type MountEntry, parseMountinfo } from './mountinfo.ts';

/** The mounts that a process sees, which has a directory of this name in /proc. */
export function readMounts(process = 'self'): readonly MountEntry[] {
  return parseMountinfo(readFileSync(`/proc/${process}/mountinfo`, 'utf8'));
}
