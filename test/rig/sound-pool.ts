import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

import { templateKey } from '../../src/pool/paths.ts';
import { refreshUntilFree } from './refresher.ts';
import { listShelf } from './shelf.ts';
import type { ZfsTemplate } from './zfs-template.ts';

const runtime = '/run/isolate';

/** After a refresh: every clone is fresh, and nothing of the runs is left. */
export async function expectSound(template: ZfsTemplate, count: number): Promise<void> {
  await refreshUntilFree(template.dataset, String(count));
  const key = templateKey(template.dataset);
  const list = async (...path: string[]): Promise<string[]> => (await readdir(join(runtime, ...path))).toSorted();
  const ids = (await template.clones()).map((name) => name.slice(name.lastIndexOf('_') + 1)).toSorted();
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(`${template.dataset}_`));
  expect({
    clones: ids.length,
    fresh: await list('pools', key, 'fresh'),
    leased: await list('pools', key, 'leased'),
    retired: await list('pools', key, 'retired'),
    runs: await list('runs'),
    idClaims: await list('ids/slots/used').catch(() => []),
    mountDirectories: await list('mnt', key),
    mounts,
    shelf: await listShelf(join(runtime, 'mnt', key)),
  }).toEqual({ clones: count, fresh: ids, leased: [], retired: [], runs: [], idClaims: [], mountDirectories: ids, mounts: [], shelf: ids });
}
