import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { countClaims } from '../../src/pool/claims/claims.ts';
import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { openPoolFiles } from '../../src/pool/pool.ts';
import { readDirectory } from '../../src/pool/read-directory.ts';
import { readRetired } from '../../src/pool/state/pool-state.ts';
import { startDaemon } from '../rig/daemon.ts';
import { isolate } from '../rig/isolate.ts';
import { clearShelf } from '../rig/shelf.ts';
import { claimToRefresh } from '../rig/refresher.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

let template: ZfsTemplate;
beforeAll(async () => {
  template = await makeZfsTemplate();
});
afterAll(async () => {
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
});

const poolFiles = () => openPoolFiles({ template: template.dataset, runtime: runtimePaths(systemRuntimeDirectory) });

beforeEach(async () => {
  // What was started to destroy the clones of the test before.
  await expect.poll(() => countClaims(poolFiles(), 'tidying')).toBe(0);
  await isolate(['refresh', '-q', '--force', template.dataset, '1']);
});

test('if nothing refreshes a pool, used clones are destroyed in the background, even if many runs end together', async () => {
  const runs = Array.from({ length: 6 }, () => isolate(['-q', '-z', template.dataset, '--wait', '60', 'true']));
  expect((await Promise.all(runs)).map(({ status, stderr }) => ({ status, stderr }))).toEqual(runs.map(() => ({ status: 0, stderr: '' })));
  const left = async () => {
    const [retired, clones] = [readRetired(poolFiles()), await template.clones()];
    // What zfs-fuse kept busy for longer than the tidier tried is for the one that is started at the end of the next run.
    const isTried = retired.length > 0 && retired.every(({ attempts }) => attempts > 0);
    if (isTried && countClaims(poolFiles(), 'tidying') === 0) await isolate(['-q', '-z', template.dataset, '--wait', '60', 'true']);
    return { retired: retired.map(({ id }) => id), clones };
  };
  await expect.poll(left, { timeout: 60_000 }).toEqual({ retired: [], clones: [] });
});

test('if something refreshes a pool, it destroys the used clones', async () => {
  const pool = poolFiles();
  const stopRefreshing = claimToRefresh(template.dataset);
  try {
    expect((await isolate(['-z', template.dataset, 'true'])).status).toBe(0);
    expect(readDirectory(pool.paths.retired)).toHaveLength(1);
    expect(readDirectory(pool.paths.directory).filter((name) => name.startsWith('tidying.'))).toEqual([]);
  } finally {
    stopRefreshing();
  }
});

test('the first run that has to wait says once that nothing refreshes the pool', async () => {
  const stderrs: string[] = [];
  for (let run = 0; run < 3; run += 1) stderrs.push((await isolate(['-z', template.dataset, '--wait', '60', 'true'])).stderr);
  expect(stderrs.join('')).toBe(
    `isolate: Nothing refreshes the pool of ${template.dataset}, so this run makes its own clone. Start the daemon, isolate watch or the units to have clones ready.\n`,
  );
});

test('the daemon destroys used clones of templates that its settings do not name, and forgets templates that are gone', async () => {
  const gone = `${template.pool.name}/gone`;
  await template.pool.zfs('create', '-o', 'mountpoint=none', gone);
  await template.pool.zfs('snapshot', `${gone}@1`);
  await isolate(['refresh', '-q', gone, '2']);
  await clearShelf(poolPaths(runtimePaths(systemRuntimeDirectory), gone).mounts);
  await expect.poll(() => template.pool.zfs('rename', gone, `${gone}new`).then(() => '', String), { timeout: 30_000 }).toBe('');
  const daemon = await startDaemon('');
  try {
    await isolate(['-q', '-z', template.dataset, 'true']);
    await expect.poll(template.clones, { timeout: 30_000 }).toEqual([]);
    await expect.poll(() => readDirectory('/run/isolate/pools').includes(gone.replace('/', '-')), { timeout: 30_000 }).toBe(false);
    expect(await template.pool.zfs('list', '-H', '-o', 'name', '-r', template.pool.name)).not.toContain(`${gone}_`);
  } finally {
    await daemon.end();
  }
});
