import { statSync } from 'node:fs';

import { canIdmap } from '../host/path-facts.ts';
import { type Rootfs, rootfsOf } from '../rootfs/rootfs.ts';
import { describeDirectory } from '../storage/directory.ts';

/** A directory itself as a root, whose changes stay. Throws as `describeDirectory`. */
export function directoryRootfs(path: string): Rootfs {
  const { ownership } = describeDirectory(path);
  return rootfsOf({ kind: 'tree', source: path, ownership, idmappable: canIdmap(path, statSync(path)) });
}
