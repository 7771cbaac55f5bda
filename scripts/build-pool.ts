/*
 * Makes the pool of a template that does not exist, with one fresh clone: build-pool.ts DATASET TREE. For the build, where
 * /run is its own. The clone is a copy of TREE, and is found on a shelf whose root is that of the host.
 */
import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../src/pool/paths.ts';
import { formatCloneRecord } from '../src/pool/state/state-file.ts';
import { rootfsOf } from '../src/rootfs/rootfs.ts';

const [dataset = '', tree = ''] = process.argv.slice(2);
const id = '1';
const { mounts, fresh } = poolPaths(runtimePaths(systemRuntimeDirectory), dataset);
const source = join(mounts, id);
for (const directory of [mounts, fresh]) mkdirSync(directory, { recursive: true });
cpSync(tree, source, { recursive: true });
const { dev, ino } = statSync(source);
writeFileSync(
  join(fresh, id),
  formatCloneRecord({
    id,
    guid: id,
    source: `${dataset}@1`,
    rootfs: rootfsOf({ kind: 'tree', source, ownership: { kind: 'natural' }, idmappable: true }),
    createdMs: 0,
    device: dev,
    inode: ino,
  }),
);
