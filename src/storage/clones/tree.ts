import { join } from 'node:path';

import { type Rootfs, rootfsOf } from '../../rootfs/rootfs.ts';
import type { DirectoryFacts } from '../directory.ts';

/** The whole tree in a clone's directory. */
export function treePath(directory: string): string {
  return join(directory, 'root');
}

export function treeRootfs(directory: string, { ownership }: Pick<DirectoryFacts, 'ownership'>, idmappable: boolean): Rootfs {
  return rootfsOf({ kind: 'tree', source: treePath(directory), ownership, idmappable });
}
