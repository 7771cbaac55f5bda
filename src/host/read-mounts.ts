import { readFileSync } from 'node:fs';

import { type MountEntry, parseMountinfo } from './mountinfo.ts';

/** The mounts that this process sees. */
export function readMounts(): readonly MountEntry[] {
  return parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
}
