import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { parseCgroups } from '../../src/host/cgroup.ts';
import { parseMountinfo } from '../../src/host/mountinfo.ts';
import { probeCgroupsBeside } from '../../src/host/probe.ts';
import { bareLaunch, run } from '../rig/launches.ts';

/** Where groups can be made, one in each hierarchy of this host that has one. */
function findPlaces(): readonly string[] {
  const unified = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).find(({ type }) => type === 'cgroup2')?.mountpoint;
  const { cpu, memory, pids } = probeCgroupsBeside();
  const found = [cpu, memory, pids].flatMap((place) => (place?.version === 1 ? [place.directory] : []));
  return [...new Set(unified === undefined ? found : [...found, unified])];
}

const places = process.getuid?.() === 0 ? findPlaces() : [];

test.runIf(places.length > 0)('a command is in the groups of its launch, of either version, and the groups go with it', async () => {
  const name = `isolate-${randomBytes(8).toString('hex')}`;
  const cgroups = places.map((place) => ({ path: join(place, name), settings: [] }));
  const { result, stdout } = await run(bareLaunch(['/bin/cat', '/proc/self/cgroup'], { cgroups }));
  const joined = parseCgroups(stdout).filter(({ path }) => path.endsWith(`/${name}`));
  expect({ result, joined: joined.length, left: cgroups.filter(({ path }) => existsSync(path)) }).toEqual({
    result: { kind: 'exited', code: 0 },
    joined: places.length,
    left: [],
  });
});
