import type { MountEntry } from './mountinfo.ts';
import { readMounts } from './read-mounts.ts';

/** The mounts that this process sees, read when somebody first asks for them, and then no more: there may be thousands. */
export function mountsOnce(): () => readonly MountEntry[] {
  let mounts: readonly MountEntry[] | null = null;
  return () => (mounts ??= readMounts());
}
