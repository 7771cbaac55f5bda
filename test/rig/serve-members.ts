/**
 * The daemon at its own place, on a template tank/NAME that is the tree DIRECTORY/NAME/root: `serve-members.ts DIRECTORY idmapped`
 * hands clones over idmapped, any other second word has their owners changed. Runs are left to the program in Node, unless there
 * is a third word.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';

import { commandLine } from '../../src/cli/commands/serve.ts';
import { serve } from '../../src/daemon/serve.ts';
import { runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { openPool } from '../../src/pool/pool.ts';
import { placeOf, type Rootfs, rootfsOf } from '../../src/rootfs/rootfs.ts';
import type { CreateOptions } from '../../src/storage/driver.ts';
import { mapOwners, mapsOf } from '../../src/storage/map-owners.ts';
import { directoryDriver } from './directory-driver.ts';

const [directory = '', way = '', serves] = process.argv.slice(2);
const runtime = runtimePaths(systemRuntimeDirectory);

await serve({
  commandLine: serves === undefined ? { ...commandLine, parse: () => null, settle: () => Promise.resolve(null) } : commandLine,
  openPool: async (template, warn) => {
    const place = join(directory, basename(template));
    const driver = directoryDriver(place);
    const create: typeof driver.create = async (source, ids, options) => {
      const results = await driver.create(source, ids, options);
      const { owners } = options;
      return await Promise.all(
        results.map(async (result) => (result.ok ? { ...result, rootfs: await copy(join(place, 'root'), result.rootfs, owners) } : result)),
      );
    };
    return openPool({ driver: { ...driver, template, create }, runtime, warn });
  },
});

/** With its owners and links, which the driver's own copy does not keep. */
async function copy(source: string, rootfs: Rootfs, owners: CreateOptions['owners']): Promise<Rootfs> {
  const place = placeOf(rootfs);
  rmSync(place, { recursive: true });
  execFileSync('cp', ['-a', '-T', '--', source, place]);
  if (owners !== null) await mapOwners(place, { kind: 'natural' }, mapsOf(owners));
  return rootfsOf({ kind: 'tree', source: place, ownership: owners ?? { kind: 'natural' }, idmappable: way === 'idmapped' });
}
