import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { Launch } from '../../src/launch/launch.ts';
import { planStage } from '../../src/engine/stage.ts';
import { make } from '../rig/compile.ts';
import { bwrapLaunch, initLaunch, run } from '../rig/launches.ts';

const echo = ['/bin/echo', 'started'];

/** The launch with a stage that expects the filter. */
function expectFilter(launch: Launch): Launch {
  const [expecting = ''] = planStage({ command: [], environment: {}, seccomp: true }).args;
  return { ...launch, args: [...launch.args.slice(0, -2), expecting, ...launch.args.slice(-2)] };
}

test.each([['bubblewrap', bwrapLaunch] as const, ['our own init', initLaunch] as const])(
  'under %s a command is not run where a filter was to be installed and none is in force',
  async (_name, launch) => {
    await expect(run(expectFilter(launch(echo)))).rejects.toMatchObject({ code: 'engine-failed' });
  },
);

test('with the filter in force the command runs', async () => {
  const seccompFilter = join(await make('seccomp'), 'seccomp.bpf');
  const { result, stdout } = await run(expectFilter(initLaunch(echo, { seccompFilter, noNewPrivileges: true })));
  expect({ result, stdout }).toEqual({ result: { kind: 'exited', code: 0 }, stdout: 'started\n' });
});
