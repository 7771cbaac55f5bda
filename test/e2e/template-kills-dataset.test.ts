import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';

import { datasetPlace } from '../rig/storm-place.ts';
import { prepareStorm, type PreparedStorm, stormVerbs } from '../rig/storm-verbs.ts';
import { killAtRandom, rounds } from '../rig/template-storm.ts';
import { makePool, type TestPool } from '../rig/zpool.ts';

let pool: TestPool;
let storm: PreparedStorm;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'storm-'));
  pool = await makePool();
  storm = await prepareStorm(directory, (trees) => datasetPlace(pool, directory, trees));
});
afterAll(async () => {
  storm.end();
  await pool.end();
});

test.each(stormVerbs.dataset)(
  'template %s, killed at any moment, leaves whole templates',
  { timeout: 120_000 + rounds * 20_000 },
  async (title) => {
    await killAtRandom(storm, storm.verb(title));
  },
);
