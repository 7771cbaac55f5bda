import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { planStage, stageName } from '../../src/engine/stage.ts';
import { encodeLaunchRecord } from '../../src/launch/record.ts';
import { make } from '../rig/compile.ts';
import { bareLaunch, bwrapLaunch, initLaunch, run } from '../rig/launches.ts';

const launcher = join(import.meta.dirname, '../../launcher');
const record = encodeLaunchRecord(bwrapLaunch(['true']), { supervised: true });

describe('the launcher', () => {
  it('builds with clang, static', async () => {
    const out = await make('launcher', ['CC=clang'], 'launcher-clang');
    const program = join(out, 'isolate-launch');
    expect(spawnSync(program, ['--check-record'], { input: record, env: {} }).status).toBe(0);
    expect(execFileSync('readelf', ['-l', program], { encoding: 'utf8' })).not.toContain('INTERP');
  });

  it.skipIf(!existsSync('/usr/bin/aarch64-linux-gnu-gcc') || !existsSync('/usr/bin/qemu-aarch64-static'))(
    'reads records on aarch64',
    async () => {
      const out = await make('launcher', ['CC=aarch64-linux-gnu-gcc'], 'launcher-arm64');
      const check = (input: Uint8Array): number | null =>
        spawnSync('qemu-aarch64-static', [join(out, 'isolate-launch'), '--check-record'], { input, env: {} }).status;
      expect([check(record), check(record.subarray(0, -1))]).toEqual([0, 125]);
    },
    120_000,
  );

  it('starts and supervises without a finding of the address and undefined behaviour sanitizers', async () => {
    execFileSync('make', ['--silent', '-C', launcher, 'asan', `OUT=${await make('launcher')}`], { timeout: 110_000 });
    const options = { launcher: join(await make('launcher'), 'isolate-launch-asan') };
    const launches = [bareLaunch(['/bin/echo', 'x']), initLaunch(['echo', 'x'])];
    for (const launch of launches)
      expect(await run(launch, options)).toEqual({ result: { kind: 'exited', code: 0 }, stdout: 'x\n', stderr: '' });
  }, 300_000);

  it('says why the stage gave up, also when it sees the end of that first', async () => {
    const late = join(import.meta.dirname, '../rig/late-poll.c');
    const out = await make('launcher', [`CFLAGS=-U_FORTIFY_SOURCE -Dpoll=late_poll ${late}`], 'launcher-late-poll');
    const stage = planStage({ command: ['echo', 'ran'], environment: {}, seccomp: false, user: '4242' });
    const launch = initLaunch(['true'], { args: [stageName, ...stage.args], descriptors: stage.descriptors });
    await expect(run(launch, { launcher: join(out, 'isolate-launch') })).rejects.toThrow(
      'The user 4242 needs a group as well, because /etc/passwd of the sandbox does not have this uid.',
    );
    expect(await run(initLaunch(['echo', 'x']), { launcher: join(out, 'isolate-launch') })).toMatchObject({ stdout: 'x\n', stderr: '' });
  }, 120_000);

  it('installs the filter last and makes sure that it holds', async () => {
    const seccompFilter = join(await make('seccomp'), 'seccomp.bpf');
    const { result, stdout } = await run(
      initLaunch(['sh', '-c', 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status; unshare -U true'], {
        seccompFilter,
        noNewPrivileges: true,
      }),
    );
    expect({ result: result.kind === 'exited' && result.code !== 0, stdout }).toEqual({
      result: true,
      stdout: 'NoNewPrivs:\t1\nSeccomp:\t2\n',
    });
  });

  it('starts nothing with a filter that lets terminal injection through', async () => {
    await expect(
      run(initLaunch(['true'], { seccompFilter: join(launcher, '../test/rig/allow-all.bpf'), noNewPrivileges: true })),
    ).rejects.toThrow('in the step filter');
  });
});
