import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CommandResult, SystemdContainer } from '../../rig/systemd.ts';
import { instance, template, until, writeInside } from '../../rig/systemd-template.ts';

const pool = `/run/isolate/pools/${instance}`;
const units = ['isolated.socket', 'isolated-metrics.socket', 'isolated.service', 'isolated-pools.service'] as const;
const size = 3;

let system: SystemdContainer;

/** The units of the daemon. */
export function testDaemonUnits(container: () => SystemdContainer): void {
  describe('the units of the daemon', () => {
    beforeAll(async () => {
      system = container();
      await configure(size);
      await system.must(['useradd', '--create-home', '--groups', 'isolate', 'alice']);
      await system.must(['useradd', '--create-home', 'bob']);
    });

    test('doctor says how the daemon is started and enabled', async () => {
      const enable = 'systemctl enable --now isolated.socket, as root';
      const fact = 'the units of isolate are installed but not enabled, so nothing refills pools by itself';
      expect(await doctorSays('units')).toEqual({ id: 'units', state: 'limited', fact, hint: enable });
      expect(await doctorSays('daemon')).toMatchObject({ state: 'limited', hint: enable });
      await system.must(['systemctl', 'start', 'isolated.socket']);
      expect(await doctorSays('units')).toEqual({
        id: 'units',
        state: 'limited',
        fact: 'pools are maintained by a daemon that is not started at boot',
        hint: 'systemctl enable isolated.socket, as root',
      });
      await system.must(['systemctl', 'stop', 'isolated.socket', 'isolated-pools.service']);
    });

    test('starting the socket fills the pools, and the front is started by the first client', async () => {
      await system.must(['systemctl', 'enable', '--now', 'isolated.socket']);
      await untilLevels({ fresh: size, leased: 0, retired: 0 });
      await until('the daemon is ready', async () => (await states())[3] === 'active', states);
      expect(await states()).toEqual(['active', 'active', 'inactive', 'active']);
      const facts: [string, ...string[]] = [
        'stat',
        '-c',
        '%F %U %G %a',
        '/run/isolate',
        '/run/isolate/isolated.sock',
        '/run/isolate/metrics.sock',
        '/run/isolate/front.sock',
      ];
      expect((await system.must(facts)).trim().split('\n')).toEqual([
        'directory root root 755',
        'socket root isolate 660',
        'socket root isolate 660',
        'socket isolate-front root 600',
      ]);
      expect((await system.must(['isolate', 'status'])).split('\n')[0]).toMatch(/^daemon: running for /);
      expect(await states()).toEqual(['active', 'active', 'active', 'active']);
    });

    test('the daemon shares the mount namespace of the host, and the front has one of its own', async () => {
      const host = (await system.must(['readlink', '/proc/1/ns/mnt'])).trim();
      expect(await mountNamespaceOf('isolated-pools.service')).toBe(host);
      expect(await mountNamespaceOf('isolated.service')).not.toBe(host);
    });

    test("root's run is the daemon's, and the journal tells of its lease", async () => {
      expect(await runAs('root', 'echo it runs; exit 7')).toEqual({ status: 7, stdout: 'it runs\n', stderr: '' });
      expect(await lastLease(1)).toMatchObject({ uid: 0, user: 'root', template, engine: 'bwrap', outcome: 'exited', code: 7 });
    });

    test('the clones that the daemon makes wait on the shelf, not on the host', async () => {
      await untilLevels({ fresh: size, leased: 0, retired: 0 });
      expect(await system.must(['cat', '/proc/1/mounts'])).not.toContain(`${template}_`);
    });

    test('a member of the group is root in a clone of its own, and the journal tells of its lease', async () => {
      expect(await runAs('alice', 'id -u; touch /made && echo made')).toEqual({ status: 0, stdout: '0\nmade\n', stderr: '' });
      expect(await lastLease(2)).toMatchObject({ user: 'alice', template, engine: 'bwrap', outcome: 'exited', code: 0 });
      expect(await runAs('alice', '[ -e /made ]')).toMatchObject({ status: 1 });
    });

    test('whoever is not in the group is refused', async () => {
      const { status, stdout, stderr } = await runAs('bob', 'echo it runs');
      expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
      expect(stderr).toContain('ask to be added to the group isolate');
    });

    test('the front has no rights, no groups and no way to get some', async () => {
      const pid = await mainPid('isolated.service');
      const account = (await system.must(['id', '--user', 'isolate-front'])).trim();
      const lines = (await system.must(['cat', `/proc/${pid}/status`])).split('\n').map((line) => line.split(/\s+/));
      const facts = new Map(lines.map(([name = '', ...values]) => [name.replace(':', ''), values.filter((value) => value !== '')]));
      const none = ['0000000000000000'];
      const ids = [account, account, account, account];
      expect(
        ['Uid', 'Gid', 'Groups', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp'].map((name) => facts.get(name)),
      ).toEqual([ids, ids, [account], none, none, none, none, ['1'], ['2']]);
    });

    test('new settings hold after a reload that no lease notices, and broken ones never', async () => {
      const held = await hold('reload');
      await configure(size + 1);
      await system.must(['systemctl', 'reload', 'isolated-pools.service']);
      await untilLevels({ fresh: size + 1, leased: 1, retired: 0 });
      await writeInside(system, '/etc/isolate/config.toml', 'count = "many"\n');
      await system.must(['systemctl', 'reload', 'isolated-pools.service']);
      await until('the journal tells of the broken file', async () =>
        (await journal()).some(
          ({ event, msg }) => event === 'config' && String(msg).startsWith('/etc/isolate/config.toml is not valid: line 1, count: '),
        ),
      );
      expect(await runAs('alice', 'echo it runs')).toMatchObject({ stdout: 'it runs\n' });
      await configure(size);
      await system.must(['systemctl', 'reload', 'isolated-pools.service']);
      await untilLeased(held);
      await letGo('reload');
    });

    test.each([
      ['front', 'systemctl kill --signal=KILL --kill-who=main isolated.service'],
      ['broker', 'kill -KILL $(grep -la "^[^ ]*isolate-gate[^a-z]broker" /proc/[0-9]*/cmdline | cut -d / -f 3)'],
      ['daemon', 'systemctl kill --signal=KILL --kill-who=main isolated-pools.service'],
      ['daemon with all it started', 'systemctl kill --signal=KILL isolated-pools.service'],
    ])('after kill -9 of the %s the next client is served, and runs go on', async (part, kill) => {
      // What the journal has of another unit of the same name would be taken for this one's.
      const name = `killed-${part.replaceAll(' ', '-')}`;
      const held = await hold(name);
      const before = (await leases()).length;
      await system.must(['sh', '-c', kill]);
      expect(await runAs('alice', 'echo it runs')).toEqual({ status: 0, stdout: 'it runs\n', stderr: '' });
      expect(await lastLease(before + 1)).toMatchObject({ user: 'alice' });
      await untilLeased(held);
      await letGo(name);
      await untilLevels({ fresh: size, leased: 0, retired: 0 });
    });

    test('a daemon that is started with settings that are not valid says so at once, and serves as soon as they are', async () => {
      const held = await hold('settings');
      onTestFinished(() => configure(size));
      await writeInside(system, '/etc/isolate/config.toml', 'count = "many"\n');
      await system.must(['systemctl', 'restart', 'isolated-pools.service']);
      expect(await runAs('alice', 'echo it runs')).toEqual({
        status: 125,
        stdout: '',
        stderr:
          'isolate: The daemon lends no clones: its settings are not valid.\nhint: ask root to correct them; isolate doctor shows what is wrong\n',
      });
      const reason = '/etc/isolate/config.toml is not valid: line 1, count: must be a whole number from 1 to 1000, not "many"';
      const [first, ...others] = (await system.must(['isolate', 'status'])).split('\n');
      expect(first).toMatch(/^daemon: lends no clones, because its settings are not valid; process [0-9]+$/);
      expect(others).toContain(`settings: ${reason}.`);
      expect((await system.run(['su', '-', 'alice', '-c', 'isolate status'])).stdout.split('\n')[0]).toBe(first);
      const { stdout } = await system.run(['isolate', 'doctor', '--json']);
      const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string; readonly fact: string }[] };
      expect(checks.filter(({ id }) => id === 'settings' || id === 'daemon').map(({ fact }) => fact)).toEqual([
        reason,
        'the daemon at /run/isolate/isolated.sock (for the group isolate) lends no clones: its settings are not valid',
      ]);
      await configure(size);
      await until('alice is served', async () => (await runAs('alice', 'echo it runs')).stdout === 'it runs\n', journal);
      await untilLeased(held);
      await letGo('settings');
    });

    test("root's run without the daemon, for they see other mounts, says so, and doctor tells from which side", async () => {
      const dropIn = '/run/systemd/system/isolated-pools.service.d/mounts.conf';
      const place = 'the daemon at /run/isolate/isolated.sock (for the group isolate)';
      const warned = {
        status: 0,
        stdout: 'it runs\n',
        stderr: 'isolate: warning: The daemon is in another mount namespace, so this run bypasses it; isolate doctor says more.\n',
      };
      const run = `isolate -q -z ${template} -- /bin/sh -c "echo it runs"`;
      expect(await system.run(['unshare', '--mount', 'sh', '-c', run])).toEqual(warned);
      expect(await doctorSays('daemon', 'unshare --mount isolate doctor --json')).toEqual({
        id: 'daemon',
        state: 'limited',
        fact: `${place} does not see the mounts of this process, which has a mount namespace of its own: root's runs bypass it`,
        hint: 'nsenter --target 1 --mount isolate ...',
      });
      await writeInside(system, dropIn, '[Service]\nPrivateMounts=yes\n');
      await system.must(['systemctl', 'daemon-reload']);
      await system.must(['systemctl', 'restart', 'isolated-pools.service']);
      expect(await runAs('root', 'echo it runs')).toEqual(warned);
      expect(await doctorSays('daemon')).toEqual({
        id: 'daemon',
        state: 'limited',
        fact: `${place} is in a mount namespace of its own: root's runs bypass it and may not see its clones`,
        hint: 'scripts/install in the checkout, then systemctl restart isolated-pools, as root; the unit needs PrivateMounts=no',
      });
      await system.must(['rm', dropIn]);
      await system.must(['systemctl', 'daemon-reload']);
      await system.must(['systemctl', 'restart', 'isolated-pools.service']);
      expect(await runAs('root', 'echo it runs')).toEqual({ ...warned, stderr: '' });
      expect(await doctorSays('daemon')).toMatchObject({ state: 'ok' });
    });

    test('the units that refresh one template may be on beside the daemon', async () => {
      const own = ['path', 'timer', 'service'].map((kind) => `isolate-refresh@${instance}.${kind}`);
      await system.must(['systemctl', 'enable', '--now', ...own], 120_000);
      for (let run = 0; run < 5; run++) expect(await runAs('alice', 'exit 3')).toMatchObject({ status: 3 });
      await untilLevels({ fresh: size, leased: 0, retired: 0 });
      expect((await system.run(['systemctl', 'is-failed', ...own])).stdout).not.toContain('failed');
      await system.must(['systemctl', 'disable', '--now', ...own]);
    });

    test("a member's run has the limits that were asked for, and leaves no group", async () => {
      const bomb = 'echo begun; x=x; while :; do x=$x$x; done';
      expect(await runAs('alice', bomb, '--memory 32M --pids 20')).toMatchObject({ status: 137, stdout: 'begun\n' });
      const groups = async (): Promise<string> => await system.must(['find', '/sys/fs/cgroup', '-type', 'd', '-name', 'isolate-*']);
      await until('the groups are gone', async () => (await groups()) === '', groups);
      expect(await runAs('alice', 'echo it runs', '--memory 32M')).toEqual({ status: 0, stdout: 'it runs\n', stderr: '' });
    });

    test('stopping the socket stops all but the runs; root goes on without a daemon', async () => {
      const held = await hold('stopped');
      await system.must(['systemctl', 'disable', '--now', 'isolated.socket']);
      await until('all units are down', async () => (await states()).every((state) => state === 'inactive'), states);
      expect((await system.run(['ls', '/run/isolate/isolated.sock', '/run/isolate/metrics.sock'])).stdout).toBe('');
      expect(await runAs('root', 'echo it runs')).toMatchObject({ status: 0, stdout: 'it runs\n' });
      expect((await system.must(['systemctl', 'is-active', 'held-stopped.service'])).trim()).toBe('active');
      expect(await leased()).toEqual([held]);
      await letGo('stopped');
    });
  });
}

async function configure(count: number): Promise<void> {
  await writeInside(system, '/etc/isolate/config.toml', `[templates."${template}"]\ncount = ${count}\ngroups = ["isolate"]\n`);
}

async function runAs(user: string, script: string, options = ''): Promise<CommandResult> {
  return await system.run(['su', '-', user, '-c', `isolate -q -z ${template} ${options} -- /bin/sh -c '${script}'`]);
}

/** Starts a run of alice's that lasts until `letGo`; returns its clone. */
async function hold(name: string): Promise<string> {
  const before = await leased();
  await system.must([
    'systemd-run',
    '--quiet',
    '--collect',
    '--uid=alice',
    `--unit=held-${name}`,
    'isolate',
    '-q',
    '-z',
    template,
    '--',
    '/bin/sh',
    '-c',
    `echo holding ${name}; exec sleep 1000`,
  ]);
  onTestFinished(() => letGo(name));
  // Before that the client has not its launch yet, and whatever takes its connection sends it to Node.
  const told = ['journalctl', '--no-pager', '--output=cat', `--unit=held-${name}.service`] as const;
  await until('the command runs', async () => (await system.run(told)).stdout.split('\n').includes(`holding ${name}`), journal);
  return (await leased()).find((one) => !before.includes(one)) ?? '';
}

async function letGo(name: string): Promise<void> {
  await system.run(['systemctl', 'stop', `held-${name}.service`]);
}

async function list(state: string): Promise<readonly string[]> {
  return (await system.run(['ls', '-A', `${pool}/${state}`])).stdout.split('\n').filter((name) => name !== '');
}

/** With their holders, as their files are named. */
async function leased(): Promise<readonly string[]> {
  return await list('leased');
}

/** The daemon takes a clone back some time after its run has ended; this one stays. */
async function untilLeased(held: string): Promise<void> {
  await until('only the run that goes on has a clone', async () => (await leased()).join('\n') === held, leased);
}

async function levels() {
  return { fresh: (await list('fresh')).length, leased: (await list('leased')).length, retired: (await list('retired')).length };
}

async function untilLevels(wanted: Awaited<ReturnType<typeof levels>>): Promise<void> {
  const isSo = async (): Promise<boolean> => JSON.stringify(await levels()) === JSON.stringify(wanted);
  await until(`the pool has ${JSON.stringify(wanted)}`, isSo, async () => [await levels(), await journal()]);
}

/** The check of this id in what `doctor` prints: `isolate doctor --json`, alone or within another command. */
async function doctorSays(check: string, doctor = 'isolate doctor --json'): Promise<unknown> {
  const { stdout } = await system.run(['sh', '-c', doctor]);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string }[] };
  return checks.find(({ id }) => id === check);
}

async function mainPid(unit: string): Promise<string> {
  return (await system.must(['systemctl', 'show', '--value', '--property=MainPID', unit])).trim();
}

async function mountNamespaceOf(unit: string): Promise<string> {
  return (await system.must(['readlink', `/proc/${await mainPid(unit)}/ns/mnt`])).trim();
}

async function states(): Promise<readonly string[]> {
  return (await system.run(['systemctl', 'is-active', ...units])).stdout.trim().split('\n');
}

/** What the daemon itself told. */
async function journal(): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const lines = (await system.must(['journalctl', '--no-pager', '--output=cat', '--unit=isolated-pools.service'])).split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Of runs that came to their end. */
async function leases() {
  return (await journal()).filter(({ event, outcome }) => event === 'lease' && outcome !== 'left' && outcome !== 'killed');
}

/** The last one that was told of, once there are so many. */
async function lastLease(count: number) {
  await until(`the journal tells of ${count} leases`, async () => (await leases()).length >= count, journal);
  return (await leases()).at(-1);
}
