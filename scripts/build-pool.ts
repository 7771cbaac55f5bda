/*
 * Makes the pool of a template that does not exist, with one fresh clone: build-pool.ts DATASET TREE. For the build, where
 * /run is its own. The clone is a copy of TREE, and is found on a shelf whose root is that of the host.
 */
import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { claimPath } from '../src/pool/claims/claims.ts';
import { formatHolder, readHolder } from '../src/pool/holder.ts';
import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../src/pool/paths.ts';
import { formatCloneRecord } from '../src/pool/state/state-file.ts';
import { rootfsOf } from '../src/rootfs/rootfs.ts';

const [dataset = '', tree = ''] = process.argv.slice(2);
const id = '1';
const paths = poolPaths(runtimePaths(systemRuntimeDirectory), dataset);
const { mounts, fresh } = paths;
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
// The process that is going to run on the clone also says that it refreshes the pool; otherwise the run would start a refresh at its end,
// which would write to the same dist/.
const runner = readHolder(process.ppid);
if (runner === null) throw new Error('The process that started this one is gone.');
writeFileSync(`${claimPath({ paths }, 'watching')}1.${formatHolder(runner)}`, '');
