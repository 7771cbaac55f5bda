import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';

import { directoryPlace } from '../rig/storm-place.ts';
import { prepareStorm, type PreparedStorm, stormVerbs } from '../rig/storm-verbs.ts';
import { killAtRandom, rounds } from '../rig/template-storm.ts';

let storm: PreparedStorm;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'storm-'));
  storm = await prepareStorm(directory, (trees) => directoryPlace('/var/lib/isolate/templates', directory, trees));
});
afterAll(() => storm.end());

test.each(stormVerbs.directory)(
  'template %s, killed at any moment, leaves whole templates',
  { timeout: 120_000 + rounds * 20_000 },
  async (title) => {
    await killAtRandom(storm, storm.verb(title));
  },
);
