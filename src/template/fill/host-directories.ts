import { lstatSync, readlinkSync } from 'node:fs';

import type { HostDirectory } from './launches.ts';

const candidates = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** The directories of this host outside /usr that its programs need: links into it, or directories of their own. */
export function findHostDirectories(): readonly HostDirectory[] {
  return candidates.flatMap((path): readonly HostDirectory[] => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() === true) return [{ path, link: readlinkSync(path) }];
    return stats?.isDirectory() === true ? [{ path, link: null }] : [];
  });
}
