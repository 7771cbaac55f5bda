import { afterAll, beforeAll } from 'vitest';
import { type Release, startSystemd, type SystemdContainer } from '../../rig/systemd.ts';
import { makeTemplate, template } from '../../rig/systemd-template.ts';
import { testDaemonUnits } from './daemon-units.ts';
import { testRefreshUnits } from './refresh-units.ts';

/** All tests of the units on one release of Debian, in one container. */
export function testUnits(release: Release): void {
  let system: SystemdContainer;
  beforeAll(async () => {
    system = await startSystemd({ release });
    await makeTemplate(system, template);
  }, 900_000);
  afterAll(async () => {
    await system.stop();
  });
  testRefreshUnits(() => system);
  testDaemonUnits(() => system);
}
