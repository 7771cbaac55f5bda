import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { PlanInput } from '../../../src/engine/engine.ts';
import { lxcEngine } from '../../../src/engine/lxc.ts';
import { probeFacts } from '../../../src/host/probe.ts';
import type { Outcome } from '../../../src/launch/outcome.ts';
import { startLaunch } from '../../../src/process/launch.ts';
import { lookIntoRoot, treeOf } from '../../../src/run/look-into-root.ts';
import { settleInView, targetsToLookAt } from '../../../src/run/settle-targets.ts';
import { findOwnFiles } from '../../../src/host/own-files.ts';
import type { SandboxSpec } from '../../../src/spec/spec.ts';
import { plainSpec } from '../../golden/facts.ts';
import { busyboxRootfs, copyRootfs } from '../../rig/rootfs.ts';
import { placeOf, type Rootfs } from '../../../src/rootfs/rootfs.ts';

const run = promisify(execFile);
const files = findOwnFiles();

let work: string;
let rootfs: Rootfs;
let sandboxDirectory: string;
/** What the ids of this file's runs begin with. */
const ownPrefix = randomBytes(4).toString('hex');

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'isolate-lxc-'));
  await chmod(work, 0o755);
  sandboxDirectory = join(work, 'sandbox');
  await mkdir(sandboxDirectory);
  const path = await busyboxRootfs(join(work, 'root'));
  rootfs = { parts: [{ kind: 'tree', source: path, ownership: { kind: 'natural' }, idmappable: true }] };
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

interface Ended {
  readonly result: Outcome;
  readonly out: string;
  readonly err: string;
}

async function plan(spec: SandboxSpec, input: Partial<PlanInput>) {
  const facts = await probeFacts({ spec, environment: {}, uid: 0, gid: 0, files });
  expect(lxcEngine.check(spec, facts)).toEqual([]);
  const runId = `${ownPrefix}${randomBytes(4).toString('hex')}`;
  const { capabilities } = lxcEngine;
  const root = input.rootfs ?? rootfs;
  const view = lookIntoRoot(treeOf(spec, root), targetsToLookAt(spec, capabilities), {}, capabilities);
  const settled = settleInView(spec, view, { rootfs: root, facts, capabilities });
  return lxcEngine.plan({ spec: settled.spec, findings: settled.findings, rootfs, facts, runId, idSlot: 1, sandboxDirectory, ...input });
}

async function sandbox(
  command: readonly [string, ...string[]],
  spec: Partial<SandboxSpec> = {},
  input: Partial<PlanInput> = {},
  stdin = '',
): Promise<Ended> {
  const launch = await plan(
    {
      ...plainSpec,
      engine: 'lxc',
      root: { kind: 'directory', path: work, write: input.rootfs?.parts[0].kind === 'overlay' ? 'clone' : 'direct' },
      command,
      ...spec,
    },
    input,
  );
  const handle = await startLaunch(launch, {
    launcher: files.launcher,
    stdio: { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
  });
  handle.stdin?.end(stdin);
  const [result, out, err] = await Promise.all([handle.result, buffer(handle.stdout!), buffer(handle.stderr!)]);
  return { result, out: out.toString(), err: err.toString() };
}

/** Every control character, each before what would be a setting of LXC's if it ended a line. */
const controls = Array.from({ length: 31 }, (_, index) => String.fromCharCode(index + 1))
  .map((character) => `${character}lxc.hook.start = x`)
  .join('');

const shell = (script: string) => ['sh', '-c', script] as const;

async function layered(): Promise<Rootfs> {
  const upperParent = await mkdtemp(join(work, 'upper-'));
  await Promise.all(['upper', 'work', 'merged'].map((name) => mkdir(join(upperParent, name))));
  const idmappable = { lower: true, upper: true };
  return { parts: [{ kind: 'overlay', lower: placeOf(rootfs), upperParent, ownership: { kind: 'natural' }, idmappable }] };
}

describe.each(['a directory', 'an overlay'])('the lxc engine on %s', (kind) => {
  const input = async (): Promise<Partial<PlanInput>> => (kind === 'an overlay' ? { rootfs: await layered() } : {});

  test.each([0, 1, 2, 126, 127, 128, 200, 255])('passes exit status %i', async (code) => {
    expect(await sandbox(shell(`exit ${code}`), {}, await input())).toEqual({ result: { kind: 'exited', code }, out: '', err: '' });
  });

  test('tells death by a signal from an exit status', async () => {
    expect((await sandbox(shell('kill -9 $$'), {}, await input())).result).toEqual({ kind: 'killed', signal: 'SIGKILL' });
    expect((await sandbox(shell('kill -TERM $$'), {}, await input())).result).toEqual({ kind: 'killed', signal: 'SIGTERM' });
  });

  test('keeps the standard streams apart', async () => {
    expect(await sandbox(shell('cat; echo wrong >&2'), {}, await input(), 'in\n')).toEqual({
      result: { kind: 'exited', code: 0 },
      out: 'in\n',
      err: 'wrong\n',
    });
  });

  test('says that a command does not exist in the sandbox', async () => {
    expect((await sandbox(['no-such-command'], {}, await input())).result).toEqual({ kind: 'not-executed', errno: 'ENOENT' });
  });

  test('kills what the command leaves running', async () => {
    expect((await sandbox(shell('sleep 5000 & setsid sleep 5001 & exit 3'), {}, await input())).result).toEqual({
      kind: 'exited',
      code: 3,
    });
  });

  test("gives exactly the environment planned, and LXC's mark", async () => {
    const environment = {
      PATH: '/bin',
      EMPTY: '',
      QUOTED: '"both\' ',
      BLANK: ' x ',
      TAB: 'a\tb',
      KEY: 'lxc.hook.start = x',
      CONTROLS: controls,
      ESCAPE: '\u001b[0m\u0085é',
      LONG: 'x'.repeat(100_000),
      HASH: '#1',
      LD_PRELOAD: '/nothing.so',
    };
    const { out } = await sandbox(['cat', '/proc/self/environ'], { environment }, await input());
    const expected = Object.entries({ ...environment, container: 'lxc' }).map(([name, value]) => `${name}=${value}`);
    expect(out.split('\0').slice(0, -1).toSorted()).toEqual(expected.toSorted());
  });

  test('runs as 0 of shifted ids, which may own files but reach nothing of the host', async () => {
    const { out, err } = await sandbox(
      shell(
        'id -u; cat /proc/self/uid_map; touch /made && chown 42:42 /made && stat -c %u:%g /made /bin/busybox; (echo x >/proc/sys/kernel/core_pattern); mount -t tmpfs none /mnt; hostname x',
      ),
      { uidBase: 300_000, gidBase: 300_000 },
      await input(),
    );
    expect(out.replaceAll(/ +/g, ' ')).toBe('0\n 0 300000 65536\n42:42\n0:0\n');
    expect(err.split('\n').filter((line) => /Read-only|denied|not permitted|must be/.test(line))).toHaveLength(3);
  });

  test('has an own network namespace with nothing but a loopback that is up', async () => {
    const { out } = await sandbox(
      shell('ls /sys/class/net; ip addr show lo | grep -c 127.0.0.1; ping -c 1 -w 2 127.0.0.1 >/dev/null && echo pong'),
      {},
      await input(),
    );
    expect(out).toBe('lo\n1\npong\n');
  });

  test('leaves no descriptor but the standard three, no privileges to gain, and the filter on', async () => {
    const { out } = await sandbox(
      shell('ls /proc/self/fd | wc -l; grep -E "^(CapEff|NoNewPrivs|Seccomp):" /proc/self/status'),
      {},
      await input(),
    );
    expect(out.replaceAll(/\s+/g, ' ')).toBe('4 CapEff: 00000000a00425fb NoNewPrivs: 1 Seccomp: 2 ');
  });

  test('shows no keys of the host', async () => {
    expect((await sandbox(shell('cat /proc/keys /proc/key-users; ls -l /proc/keys | cut -c1'), {}, await input())).out).toBe('c\n');
  });

  test('shows binds at their targets', async () => {
    const source = await mkdtemp(join(work, 'bind-'));
    await chmod(source, 0o755);
    await writeFile(join(source, 'file'), 'bound\n');
    await rm(join(placeOf(rootfs), 'link'), { force: true });
    await symlink('/../../var', join(placeOf(rootfs), 'link'));
    const { out, err } = await sandbox(
      shell('cat /new/place/file /etc/one /dev/here/file /var/deep/file; touch /etc/one'),
      {
        binds: [
          { source, target: '/new/place', readOnly: false },
          { source: join(source, 'file'), target: '/etc/one', readOnly: true },
          { source, target: '/dev/here', readOnly: true },
          { source, target: '/link/deep', readOnly: true },
        ],
      },
      await input(),
    );
    expect({ out, err }).toEqual({ out: 'bound\n'.repeat(4), err: 'touch: /etc/one: Read-only file system\n' });
  });

  test('makes nothing on the host where a link of the rootfs leads out of it', async () => {
    const outside = await mkdtemp(join(work, 'outside-'));
    await chmod(outside, 0o777);
    await rm(join(placeOf(rootfs), 'link'), { force: true });
    await symlink(outside, join(placeOf(rootfs), 'link'));
    const spec = { binds: [{ source: '/etc', target: '/link/deep', readOnly: true }] };
    expect((await sandbox(['true'], spec, await input())).result).toEqual({ kind: 'exited', code: 0 });
    expect(await readdir(outside)).toEqual([]);
  });

  test('starts in the requested directory, under the name of its template', async () => {
    const { out } = await sandbox(shell('pwd; hostname'), { workingDirectory: '/var/log' }, await input());
    expect(out).toBe(`/var/log\n${work.split('/').at(-1)}\n`);
  });

  test('cannot write a read-only root', async () => {
    const { out, err } = await sandbox(shell('touch /x || echo refused'), { readOnlyRoot: true }, await input());
    expect({ out, err }).toEqual({ out: 'refused\n', err: 'touch: /x: Read-only file system\n' });
  });

  test('leaves no group, mount or process behind', async () => {
    const before = await traces();
    await sandbox(['true'], {}, await input());
    expect(await traces()).toEqual(before);
  });

  test('ends when the launcher is killed', async () => {
    const before = await traces();
    const launch = await plan(
      {
        ...plainSpec,
        engine: 'lxc',
        root: { kind: 'directory', path: work, write: kind === 'an overlay' ? 'clone' : 'direct' },
        command: ['sleep', '98'],
      },
      await input(),
    );
    const started = Promise.withResolvers<number>();
    const handle = await startLaunch(launch, {
      launcher: files.launcher,
      stdio: { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
      onStarted: started.resolve,
    });
    const command = await started.promise;
    process.kill(handle.pid, 'SIGKILL');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGKILL' });
    await expect.poll(async () => readFile(`/proc/${command}/cmdline`, 'utf8').catch(() => '')).toBe('');
    await expect.poll(traces).toEqual(before);
  });

  test("ends when LXC's monitor is killed", async () => {
    const before = await traces();
    const launch = await plan(
      {
        ...plainSpec,
        engine: 'lxc',
        root: { kind: 'directory', path: work, write: kind === 'an overlay' ? 'clone' : 'direct' },
        command: ['sleep', '97'],
      },
      await input(),
    );
    const started = Promise.withResolvers<number>();
    const handle = await startLaunch(launch, {
      launcher: files.launcher,
      stdio: { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
      onStarted: started.resolve,
    });
    const command = await started.promise;
    const monitor = await readFile(`/proc/${handle.pid}/task/${handle.pid}/children`, 'utf8');
    process.kill(Number(monitor), 'SIGKILL');
    expect(await handle.result).toEqual({ kind: 'killed', signal: 'SIGKILL' });
    await expect(readFile(`/proc/${command}/cmdline`, 'utf8')).rejects.toThrow('ENOENT');
    expect(await traces()).toEqual(before);
  });

  test('passes signals to the command', async () => {
    const launch = await plan(
      {
        ...plainSpec,
        engine: 'lxc',
        root: { kind: 'directory', path: work, write: kind === 'an overlay' ? 'clone' : 'direct' },
        command: ['sh', '-c', 'trap "echo heard; exit 9" USR1; echo ready; while :; do sleep 0.05; done'],
      },
      await input(),
    );
    const handle = await startLaunch(launch, {
      launcher: files.launcher,
      stdio: { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    });
    handle.stdout!.once('data', () => handle.forward('SIGUSR1'));
    expect(await handle.result).toEqual({ kind: 'exited', code: 9 });
  });
});

test('the lxc engine runs on a rootfs whose ownership is shifted, with the ids it is shifted to', async () => {
  const path = await copyRootfs(placeOf(rootfs), join(work, 'shifted'));
  await run('chown', ['-hR', '500000:500000', path], { timeout: 60_000 });
  const shifted: Rootfs = {
    parts: [{ kind: 'tree', source: path, ownership: { kind: 'shifted', uidBase: 500_000, gidBase: 500_000 }, idmappable: false }],
  };
  const { result, out } = await sandbox(
    shell('touch /made; stat -c %u:%g /made /bin/busybox; cat /proc/self/uid_map'),
    {},
    { rootfs: shifted },
  );
  expect({ result, out: out.replaceAll(/ +/g, ' ') }).toEqual({ result: { kind: 'exited', code: 0 }, out: '0:0\n0:0\n 0 500000 65536\n' });
});

describe('limits of the lxc engine', () => {
  test('end a command that takes too much memory', async () => {
    const hog = shell('x=12345678; while :; do x=$x$x; done');
    expect((await sandbox(hog, { limits: { memoryBytes: 64 * 2 ** 20 } })).result).toEqual({
      kind: 'killed',
      signal: 'SIGKILL',
      outOfMemory: true,
    });
    expect((await sandbox(shell('head -c 1000000 /dev/zero | wc -c'), { limits: { memoryBytes: 64 * 2 ** 20 } })).out).toBe('1000000\n');
  });

  test('hold back a command that takes too much processor time', async () => {
    const loop = shell(
      'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; cut -d" " -f14,15 /proc/$$/stat; cut -d" " -f22 /proc/$$/stat; cut -d" " -f1 /proc/uptime',
    );
    const { out } = await sandbox(loop, { limits: { cpuPercent: 20 } });
    const [ticks = '', started = '', uptime = ''] = out.split('\n');
    const busySeconds = ticks.split(' ').reduce((sum, word) => sum + Number(word), 0) / 100;
    const share = busySeconds / (Number(uptime) - Number(started) / 100);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(0.35);
  });

  test('refuse a command more processes than it may have', async () => {
    const { out, err } = await sandbox(
      shell('for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 5 & done; ps | grep -c "sleep 5"'),
      { limits: { pids: 6 } },
    );
    expect(Number(out || 0)).toBeLessThan(12);
    expect(err).toContain("can't fork");
  });

  test('are gone with the run', async () => {
    const before = await traces();
    await sandbox(['true'], { limits: { memoryBytes: 64 * 2 ** 20, cpuPercent: 50, pids: 50 } });
    expect(await traces()).toEqual(before);
  });
});

describe('the network of the lxc engine', () => {
  const bridge = `islxc${process.pid}`;
  beforeAll(async () => {
    await run('ip', ['link', 'add', bridge, 'type', 'bridge'], { timeout: 60_000 });
    await run('ip', ['addr', 'add', '10.213.0.1/24', 'dev', bridge], { timeout: 60_000 });
    await run('ip', ['link', 'set', bridge, 'up'], { timeout: 60_000 });
  });
  afterAll(async () => {
    await run('ip', ['link', 'del', bridge], { timeout: 60_000 });
  });

  test('is a veth on the bridge that the sandbox sets up itself', async () => {
    const { out } = await sandbox(shell('ip addr add 10.213.0.2/24 dev eth0; ping -c 1 -w 30 10.213.0.1 >/dev/null && ls /sys/class/net'), {
      shareNetwork: true,
      bridge,
    });
    expect(out).toBe('eth0\nlo\n');
    await expect.poll(() => readdir(`/sys/class/net/${bridge}/brif`)).toEqual([]);
  });

  test('can hold a tunnel device', async () => {
    const { out } = await sandbox(shell('ls -l /dev/net/tun | cut -c1'), { tun: true });
    expect(out).toBe('c\n');
  });
});

test('LXC writes a log only if requested', async () => {
  const logPath = join(work, 'lxc.log');
  await sandbox(['true'], { engineLog: logPath });
  expect(await readFile(logPath, 'utf8')).toContain('lxc-execute');
});

/** What a run of these tests might leave on the host, as text; others run beside them. */
async function traces(): Promise<readonly string[]> {
  const { stdout } = await run('find', ['/sys/fs/cgroup', '-ignore_readdir_race', '-maxdepth', '3', '-name', `*isolate-${ownPrefix}*`], {
    timeout: 60_000,
  });
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return [...stdout.split('\n'), ...mounts.split('\n').filter((line) => line.includes(work)), ...(await readdir(sandboxDirectory))];
}
