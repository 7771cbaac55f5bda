import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';

import type { RunsDocument } from '../../src/status/status.ts';
import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { finished, type Finished, isolate, isolatePath, startIsolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { useOwnState } from '../rig/own-store.ts';
import { startPty } from '../rig/pty.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

useOwnState();

let ada: Member;
let grace: Member;
let directory: string;
let root: string;
let adas: string;
let template: ZfsTemplate;
let daemon: Daemon;

beforeAll(async () => {
  ada = await addMember(54_501, { subordinate: 1_630_000_000 });
  grace = await addMember(54_502, { subordinate: 1_640_000_000 });
  await addMemberGroup();
  directory = mkdtempSync(join(tmpdir(), 'isolate-exec-'));
  chmodSync(directory, 0o755);
  root = await copyRootfs(await busyboxRootfs(), join(directory, 'root'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nguest:x:7:7::/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nguest:x:7:\nstaff:x:8:guest\n');
  mkdirSync(join(root, 'work'));
  adas = join(ada.home, 'root');
  await copyRootfs(root, adas);
  template = await makeZfsTemplate({ tree: root });
  daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 2\nusers = ["${ada.name}", "${grace.name}"]\n`);
}, 300_000);
afterAll(async () => {
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
  rmSync(directory, { recursive: true });
}, 300_000);

/** Who runs, on what and with which engine. */
interface Place {
  readonly start: (args: readonly string[]) => ChildProcess;
  readonly options: () => readonly string[];
}

const byRoot = (args: readonly string[]) => startIsolate(args);
const byAda = (args: readonly string[]) => startAs(ada, args);
const places: Readonly<Record<string, Place>> = {
  'of root with bwrap': { start: byRoot, options: () => ['-t', root, '--ephemeral'] },
  'of root with lxc': { start: byRoot, options: () => ['-e', 'lxc', '-t', root, '--ephemeral'] },
  'of root with chroot': { start: byRoot, options: () => ['-e', 'chroot', '-t', root] },
  "of root on the daemon's clone": { start: byRoot, options: () => ['-z', template.dataset, '--wait', '60'] },
  'of a user with bwrap': { start: byAda, options: () => ['-t', adas, '--ephemeral'] },
  'of a user with lxc': { start: byAda, options: () => ['-e', 'lxc', '-t', adas, '--ephemeral'] },
  "of a member on the daemon's clone": { start: byAda, options: () => ['-z', template.dataset, '--wait', '60'] },
  "of a member on the daemon's clone with lxc": { start: byAda, options: () => ['-e', 'lxc', '-z', template.dataset, '--wait', '60'] },
};

interface Begun {
  readonly child: ChildProcess;
  readonly run: string;
  /** What the run printed before it said that it had begun. */
  readonly lines: readonly string[];
}

async function end(child: ChildProcess): Promise<Finished> {
  child.stdin?.end();
  return await finished(child);
}

/** A run that does `script` and then sleeps until the test has ended. */
async function begin({ start, options }: Place, script: string, more: readonly string[] = []): Promise<Begun> {
  const child = start(['-q', ...options(), ...more, 'sh', '-c', `${script}\necho begun; exec sleep 600`]);
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line === 'begun') break;
    lines.push(line);
  }
  const find = async () => {
    const { runs } = JSON.parse((await end(start(['ps', '--json']))).stdout) as RunsDocument;
    return runs.find(({ pid }) => pid === child.pid);
  };
  // The daemon gives an answer that is a moment old.
  const run = await vi.waitUntil(find, { timeout: 60_000 });
  return { child, run: run.runId, lines };
}

/** Runs a program as root, or as this user, with TWO in its environment. */
function runBy(user: Member | undefined): (program: string, args: readonly string[]) => Promise<Finished> {
  const identity =
    user === undefined ? [] : ['--reuid', String(user.uid), '--regid', String(user.uid), `--groups=${user.groups.join(',')}`];
  const env = { PATH: process.env['PATH'], HOME: user?.home ?? '/root', TWO: 'own' };
  return async (program, args) =>
    await finished(spawn('setpriv', [...identity, '--', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env, cwd: '/' }));
}

const exec = async ({ start }: Place, run: string, ...command: readonly string[]): Promise<Finished> =>
  await end(start(['exec', run, ...command]));
const linesOf = (output: string): readonly string[] => output.replace(/\n$/, '').split('\n');
const ok = (stdout: string): Finished => ({ status: 0, signal: null, stdout, stderr: '' });

/** What the kernel says about a process in the sandbox. */
const look = [
  'grep -E "^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters|Umask|SigIgn|SigBlk):" /proc/self/status',
  'cat /proc/self/uid_map /proc/self/gid_map /proc/self/cgroup /proc/self/limits /proc/self/mountinfo /proc/self/oom_score_adj',
  'for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done',
  'env | sort; pwd; readlink /proc/self/root; hostname; ls /proc/self/fd | wc -l; tr "\\0" " " < /proc/1/cmdline; echo',
].join('\n');

describe.each(Object.entries(places))('a command in a run %s', (_, place) => {
  test('is to the kernel what the command of the run is', { timeout: 120_000 }, async () => {
    const { run, lines } = await begin(place, look, ['-v', 'COLOUR=of the run', '-p', '/work']);
    const { status, stdout, stderr } = await exec(place, run, 'sh', '-c', look);
    expect({ status, stderr, lines: linesOf(stdout) }).toEqual({ status: 0, stderr: '', lines });
    expect(lines).toContain('COLOUR=of the run');
  });

  test('has its input, its output, and its exit status', { timeout: 120_000 }, async () => {
    const { run } = await begin(place, ':');
    const child = place.start(['exec', run, 'sh', '-c', 'wc -c; echo to stderr >&2; exit 7']);
    child.stdin!.end(Buffer.alloc(10_000_000, 'x'));
    expect(await finished(child)).toEqual({ status: 7, signal: null, stdout: '10000000\n', stderr: 'to stderr\n' });
    expect((await exec(place, run, 'sh', '-c', 'head -c 10000000 /dev/zero')).stdout).toHaveLength(10_000_000);
    expect(await exec(place, run, 'sh', '-c', 'kill -KILL $$')).toMatchObject({ status: 137 });
    expect(await exec(place, run, 'nothing')).toEqual({
      status: 127,
      signal: null,
      stdout: '',
      stderr: 'isolate: nothing: command not found\n',
    });
    expect(await exec(place, run, '/etc/passwd')).toMatchObject({ status: 126, stdout: '' });
  });

  test('gets signals, and ends with the run', { timeout: 120_000 }, async () => {
    const { child, run } = await begin(place, ':');
    const trapping = place.start(['exec', run, 'sh', '-c', 'trap "echo trapped; exit 3" TERM; echo begun; while :; do sleep 0.1; done']);
    await once(trapping.stdout!, 'data');
    trapping.kill('SIGTERM');
    expect(await finished(trapping)).toMatchObject({ status: 3, stdout: 'trapped\n' });
    const sleeping = place.start(['exec', run, 'sh', '-c', 'echo begun; exec sleep 600']);
    await once(sleeping.stdout!, 'data');
    child.kill('SIGTERM');
    const [killed] = await Promise.all([finished(sleeping), once(child, 'exit')]);
    expect(killed).toMatchObject({ status: 137, stdout: '' });
    expect(await exec(place, run, 'true')).toEqual({
      status: 125,
      signal: null,
      stdout: '',
      stderr: `isolate: There is no run "${run}".\nhint: isolate ps lists the runs\n`,
    });
  });

  test('becomes the user of the run', { timeout: 120_000 }, async () => {
    const script = 'id; grep -E "^Cap" /proc/self/status; env | sort';
    const { run, lines } = await begin(place, script, ['--user', 'guest']);
    const { stdout } = await exec(place, run, 'sh', '-c', script);
    expect(linesOf(stdout)).toEqual(lines);
    expect(lines[0]).toBe('uid=7(guest) gid=7(guest) groups=8(staff)');
  });
});

const limited = [
  'of root with bwrap',
  'of root with lxc',
  "of a member on the daemon's clone",
  "of a member on the daemon's clone with lxc",
];

test.each(limited)('a command in a run %s shares its limits', { timeout: 120_000 }, async (name) => {
  const place = places[name]!;
  const groups = 'cat /proc/self/cgroup';
  const { run, lines } = await begin(place, groups, ['--pids', '20', '--memory', '64M']);
  const { stdout, stderr } = await exec(place, run, 'sh', '-c', groups);
  expect({ lines: linesOf(stdout), stderr }).toEqual({ lines, stderr: '' });
  const many = 'n=0; while [ $n -lt 40 ]; do sleep 600 > /dev/null 2>&1 & n=$((n+1)); done; echo survived';
  expect(await exec(place, run, 'sh', '-c', many)).toMatchObject({
    status: 2,
    stdout: '',
    stderr: "sh: can't fork: Resource temporarily unavailable\n",
  });
});

describe('isolate exec', () => {
  const place = places['of root with bwrap']!;

  test('has a terminal of its own, with its size and job control', async () => {
    const { run } = await begin(place, ':');
    const terminal = await startPty(['sh', '-c', `read -r line; exec "$0" exec ${run} sh`, isolatePath], { PS1: '> ' });
    const before = await terminal.state();
    terminal.type('\n');
    await terminal.see('# ');
    terminal.type('tty; stty size\n');
    await terminal.see('24 80');
    terminal.resize(50, 132);
    terminal.type('stty size\n');
    await terminal.see('50 132');
    terminal.type('sh -c "echo as\'\'leep; exec sleep 600"\n');
    await terminal.see('asleep');
    terminal.type('\u001A');
    await terminal.see('Stopped');
    terminal.type('exit\n');
    await terminal.see('You have stopped jobs');
    terminal.type('exit 5\n');
    expect((await terminal.ended) >> 8).toBe(5);
    expect(terminal.lastState()).toBe(before);
  });

  test(
    'starts no Node in a run that the daemon knows, for its id, its PID and the session that it uses',
    { timeout: 120_000 },
    async () => {
      // The client by itself cannot become the program in Node.
      const alone = join(directory, 'isolate');
      copyFileSync(isolatePath, alone);
      chmodSync(alone, 0o755);
      const callers = [
        { place: places["of root on the daemon's clone"]!, run: runBy(undefined) },
        { place: places["of a member on the daemon's clone"]!, run: runBy(ada) },
      ];
      for (const { place: lent, run: client } of callers) {
        const { child, run } = await begin(lent, ':', ['--keep=exec-2', '-v', 'ONE=run']);
        for (const word of [run, String(child.pid), 'exec-2'])
          expect(await client(alone, ['exec', '-v', 'TWO', word, 'sh', '-c', 'echo $ONE $TWO'])).toEqual(ok('run own\n'));
        expect(await client(alone, ['exec', run.slice(0, 8), 'true'])).toMatchObject({ status: 125, stdout: '' });
        child.kill('SIGTERM');
        await once(child, 'exit');
        await end(lent.start(['rm', '-q', 'exec-2']));
      }
    },
  );

  test("a user's own session comes before one of root's daemon of the same name", async () => {
    const own = await begin(places['of a user with bwrap']!, 'hostname own 2> /dev/null; echo own > /which', ['--keep=exec-3']);
    expect(await runAs(ada, ['exec', 'exec-3', 'cat', '/which'])).toEqual(ok('own\n'));
    own.child.kill('SIGTERM');
    await once(own.child, 'exit');
    expect((await runAs(ada, ['exec', 'exec-3', 'true'])).stderr).toContain('No run uses the session exec-3.');
    await runAs(ada, ['rm', '-q', 'exec-3']);
  });

  test('adds variables, which override those of the run', async () => {
    const { run } = await begin(place, ':', ['-v', 'ONE=run', '-v', 'TWO=run']);
    expect(await end(startIsolate(['exec', '-v', 'TWO=own', run, 'sh', '-c', 'echo $ONE $TWO']))).toEqual(ok('run own\n'));
  });

  test('takes a PID, a unique beginning of an id, and the name of a session that a run uses', async () => {
    const { child, run } = await begin(place, ':', ['--keep=exec-1']);
    for (const word of [String(child.pid), run.slice(0, 8), 'exec-1'])
      expect(await exec(place, word, 'echo', word)).toEqual(ok(`${word}\n`));
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(await exec(place, 'exec-1', 'true')).toMatchObject({
      status: 125,
      stderr: 'isolate: No run uses the session exec-1.\nhint: isolate enter exec-1 starts one\n',
    });
    await isolate(['rm', 'exec-1']);
  });

  test("does not know other users' runs", async () => {
    const own = await begin(places['of a user with bwrap']!, ':');
    const lent = await begin(places["of a member on the daemon's clone"]!, ':');
    for (const run of [own.run, lent.run]) {
      const missing = `isolate: There is no run "${run}".\nhint: isolate ps lists the runs\n`;
      expect(await runAs(grace, ['exec', run, 'true'])).toEqual({ status: 125, signal: null, stdout: '', stderr: missing });
      expect(await exec(place, run, 'true')).toEqual({
        status: 125,
        signal: null,
        stdout: '',
        stderr: `isolate: Run ${run} belongs to ${ada.name} (uid ${ada.uid}).\nhint: only that user can execute commands in it\n`,
      });
    }
  });

  test('waits for a run that is just starting, and no longer than a signal lets it', async () => {
    const go = join(directory, 'go');
    const child = startIsolate(['-q', '-t', root, '--ephemeral', '--pre-hook', `until [ -e ${go} ]; do sleep 0.05; done`, 'sleep', '600']);
    onTestFinished(async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    });
    const word = String(child.pid);
    const isKnown = async () =>
      (JSON.parse((await isolate(['ps', '--json'])).stdout) as RunsDocument).runs.some(({ pid }) => pid === child.pid);
    await vi.waitUntil(isKnown, { timeout: 60_000 });
    /** A command that has found the run when it looks for its launcher. */
    const startLooking = async (command: string): Promise<ChildProcess> => {
      const looking = startIsolate(['exec', word, 'echo', command]);
      await vi.waitUntil(() => readFileSync(`/proc/${looking.pid}/wchan`, 'utf8').includes('nanosleep'), { timeout: 60_000, interval: 1 });
      return looking;
    };
    const stopped = await startLooking('never');
    stopped.kill('SIGTERM');
    expect(await end(stopped)).toMatchObject({
      status: 125,
      stdout: '',
      stderr: expect.stringContaining('has not started its command yet'),
    });
    const waiting = await startLooking('joined');
    expect(waiting.exitCode).toBeNull();
    writeFileSync(go, '');
    expect(await end(waiting)).toEqual(ok('joined\n'));
  });

  test('says what the guest has removed', async () => {
    const failed = (stderr: string): Finished => ({ status: 125, signal: null, stdout: '', stderr });
    const moved = await begin(place, 'rmdir /work', ['-p', '/work']);
    expect(await exec(place, moved.run, 'true')).toEqual(failed(`isolate: The working directory of run ${moved.run} cannot be entered.\n`));
  });

  test('runs nothing without a run or a command', async () => {
    expect(await isolate(['exec'])).toMatchObject({ status: 125, stderr: 'isolate: No run was given.\nhint: isolate ps lists the runs\n' });
    expect(await isolate(['exec', '0'])).toMatchObject({
      status: 125,
      stderr: 'isolate: No command was given.\nhint: isolate exec RUN COMMAND\n',
    });
  });

  test('leaves a directory as standard input alone, which would lead out of the sandbox', async () => {
    const { run } = await begin(place, ':');
    const child = spawn('sh', ['-c', `exec "$0" exec ${run} true < /`, isolatePath], { stdio: 'pipe' });
    expect(await finished(child)).toMatchObject({ status: 125, stdout: '' });
  });
});
