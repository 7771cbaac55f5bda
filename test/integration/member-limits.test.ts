import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { probeCgroupsBeside } from '../../src/host/probe.ts';
import { readHolder } from '../../src/pool/holder.ts';
import { connectDaemon, refusalOf } from '../../src/client/daemon-connection.ts';
import { writeConfig } from '../rig/daemon.ts';
import { finished, type Finished } from '../rig/isolate.ts';
import { endDaemon, makeMemberTemplate, serveMembers } from '../rig/member-daemon.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';

const { cpu, memory, pids } = probeCgroupsBeside();
const places = [...new Set([cpu, memory, pids].flatMap((place) => (place === null ? [] : [place.directory])))];
const canTry = places.length > 0 && [cpu, memory, pids].every((place) => place?.version === 1);

let directory: string;
let member: Member;
let daemon: ChildProcess | null = null;
const waiting: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-limits-'));
  member = await addMember(54_211, { subordinate: 1_620_000_000 });
  await addMemberGroup();
  await makeMemberTemplate(directory);
  await configure();
}, 900_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  for (const child of waiting.splice(0)) {
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  }
  if (daemon !== null) await endDaemon(daemon);
  daemon = null;
});

async function configure(more = ''): Promise<void> {
  await writeConfig(`[templates."tank/debian"]\ncount = 1\nusers = ["${member.name}"]\n${more}`);
}

const root = ['-q', '-z', 'tank/debian', '--wait', '120'];
const all = ['--cpu', '50', '--memory', '64M', '--pids', '10'];

async function runLimited(limits: readonly string[], ...command: readonly string[]): Promise<Finished> {
  daemon ??= await serveMembers(directory);
  return await runAs(member, [...root, ...limits, ...command]);
}

/** The groups of runs that there are; those of other tests of this machine lie there too. */
function groupsOf(runs: readonly string[]): readonly string[] {
  return places.flatMap((place) => runs.map((run) => join(place, `isolate-${run}`))).filter((path) => existsSync(path));
}

function runIds(): readonly string[] {
  return readdirSync('/run/isolate/runs').map((name) => name.slice(0, 16));
}

/** A run that waits for its input to end, and its id. */
async function startWaiting(...options: readonly string[]): Promise<{ readonly child: ChildProcess; readonly run: string }> {
  daemon ??= await serveMembers(directory);
  const before = runIds();
  const child = startAs(member, [...root, ...options, 'perl', '-e', '$| = 1; print "begun\\n"; <STDIN>']);
  waiting.push(child);
  await once(child.stdout!, 'data');
  return { child, run: runIds().find((id) => !before.includes(id)) ?? '' };
}

/** Milliseconds. The rig's daemon copies a Debian root for the next clone and does nothing else for as long as that takes. */
const atTheEnd = 60_000;

const read = (place: { readonly directory: string } | null, run: string, file: string): string =>
  readFileSync(join(place?.directory ?? '', `isolate-${run}`, file), 'utf8').trim();

test.runIf(canTry)('a member has the requested limits, and the launcher is outside them', { timeout: 300_000 }, async () => {
  const { child, run } = await startWaiting(...all);
  const settings = {
    quota: read(cpu, run, 'cpu.cfs_quota_us'),
    memory: read(memory, run, 'memory.limit_in_bytes'),
    pids: read(pids, run, 'pids.max'),
  };
  expect(settings).toEqual({ quota: '50000', memory: String(64 * 2 ** 20), pids: '14' });
  const inside = [cpu, memory, pids].map((place) => read(place, run, 'cgroup.procs').split('\n').map(Number));
  expect(inside[1]).toEqual(inside[0]);
  expect(inside[2]).toEqual(inside[0]);
  const names = inside[0]?.map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  expect(names?.toSorted()).toEqual(['bwrap', 'bwrap', 'perl']);
  expect(groupsOf([run]).map((path) => statSync(path).uid)).toEqual(places.map(() => 0));
  child.stdin?.end();
  expect((await finished(child)).status).toBe(0);
  await expect.poll(() => groupsOf([run]), { timeout: atTheEnd }).toEqual([]);
});

test.runIf(canTry)('a memory bomb of a member ends only itself', { timeout: 300_000 }, async () => {
  const bomb = '$| = 1; print "begun\\n"; $x = "x" x ($ARGV[0] << 20); print "survived\\n"';
  expect(await runLimited(['--memory', '64M'], 'perl', '-e', bomb, '256')).toEqual({
    status: 137,
    signal: null,
    stdout: 'begun\n',
    stderr: 'isolate: warning: The command "perl" was killed: the sandbox needed more memory than --memory 64M allows.\n',
  });
});

test.runIf(canTry)('a fork bomb of a member meets its limit', { timeout: 300_000 }, async () => {
  const bomb = 'my $n = 0; while (defined(my $pid = fork())) { sleep 60 unless $pid; $n++; } print $n, "\\n"; kill 9, -1;';
  const { stdout } = await runLimited(['--pids', '10'], 'perl', '-e', `$| = 1; ${bomb}`);
  const [forked] = stdout.split('\n').map(Number);
  expect(forked).toBeGreaterThan(5);
  expect(forked).toBeLessThan(14);
});

test.runIf(canTry)('a run of a member without limits gets no group', { timeout: 300_000 }, async () => {
  const { run } = await startWaiting();
  expect(groupsOf([run])).toEqual([]);
});

test.runIf(canTry)('what a killed client leaves is removed', { timeout: 300_000 }, async () => {
  const { child, run } = await startWaiting(...all);
  expect(groupsOf([run])).toHaveLength(places.length);
  child.kill('SIGKILL');
  await once(child, 'close');
  await expect.poll(() => groupsOf([run]), { timeout: atTheEnd }).toEqual([]);
});

test.runIf(canTry)('limits outlive a daemon that was killed, and the next one removes the groups', { timeout: 300_000 }, async () => {
  const { child, run } = await startWaiting(...all);
  await endDaemon(daemon!, 'SIGKILL');
  daemon = null;
  expect(read(memory, run, 'memory.limit_in_bytes')).toBe(String(64 * 2 ** 20));
  daemon = await serveMembers(directory);
  expect(groupsOf([run])).toHaveLength(places.length);
  child.stdin?.end();
  expect((await finished(child)).status).toBe(0);
  await expect.poll(() => groupsOf([run]), { timeout: atTheEnd }).toEqual([]);
  await expect.poll(() => runIds(), { timeout: atTheEnd }).toEqual([]);
});

test.runIf(canTry)('what a foreign client starts in the cgroups ends with its lease', { timeout: 300_000 }, async () => {
  daemon = await serveMembers(directory);
  const own = [`--reuid=${member.uid}`, `--regid=${member.uid}`, `--groups=${member.groups.join(',')}`, '--'];
  const child = spawn('setpriv', [...own, process.execPath, join(import.meta.dirname, '../rig/join-groups.ts')], { stdio: 'pipe' });
  waiting.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { run, sleeper } = JSON.parse(line.toString()) as { readonly run: string; readonly sleeper: number };
  expect(read(memory, run, 'cgroup.procs').split('\n')).toContain(String(sleeper));
  child.stdin.end();
  await expect.poll(() => groupsOf([run]), { timeout: atTheEnd }).toEqual([]);
  await expect.poll(() => readHolder(sleeper)).toBe(null);
});

test.runIf(canTry)('isolate doctor tells a member what the daemon can limit', { timeout: 300_000 }, async () => {
  daemon = await serveMembers(directory);
  const { stdout } = await runAs(member, ['doctor', '--json']);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly { readonly id: string }[] };
  expect(checks.find(({ id }) => id === 'cgroups')).toEqual({
    id: 'cgroups',
    state: 'ok',
    fact: 'on clones (-z) the daemon sets limits for cpu, memory, pids',
  });
});

test.runIf(canTry)('the lxc engine has the limits too', { timeout: 300_000 }, async () => {
  const { run } = await startWaiting('-e', 'lxc', ...all);
  const names = read(pids, run, 'cgroup.procs')
    .split('\n')
    .map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  expect(names).toContain('perl');
  expect(read(memory, run, 'memory.limit_in_bytes')).toBe(String(64 * 2 ** 20));
});

test.runIf(canTry)("nobody joins another user's run", { timeout: 300_000 }, async () => {
  const { run } = await startWaiting(...all);
  for (const named of [run, '0123456789abcdef']) {
    const connection = await connectDaemon();
    connection?.send('join', [{ name: 'run', value: named }]);
    const answer = await connection?.receive(60_000);
    expect(refusalOf(answer!)).toMatchObject({
      code: 'not-permitted',
      message: `The user 0 has no run "${named}" with cgroups to join.`,
    });
    connection?.close();
  }
});

test.runIf(canTry)('a member who asks for more than the ceiling is told the ceiling', { timeout: 300_000 }, async () => {
  await configure('[limits]\nmemory = "64M"\n');
  try {
    expect(await runLimited(['--memory', '65M'], 'true')).toEqual({
      status: 125,
      signal: null,
      stdout: '',
      stderr:
        'isolate: --memory 65M is more than the 64M that you may ask for.\n' +
        'hint: ask for less; root can raise limits.memory in /etc/isolate/config.toml\n',
    });
    expect((await runLimited(['--memory', '64M', '--pids', '1000'], 'true')).status).toBe(0);
  } finally {
    await configure();
  }
});

test.runIf(canTry)('if the daemon can make no cgroups, the run is refused', { timeout: 300_000 }, async () => {
  const hide = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"';
  daemon = await serveMembers(directory, { by: ['unshare', '--mount', 'sh', '-c', hide, 'sh'] });
  expect(await runLimited(['--memory', '64M'], 'true')).toEqual({
    status: 125,
    signal: null,
    stdout: '',
    stderr:
      'isolate: --memory cannot be enforced: the daemon has no place to make a cgroup with the memory controller.\n' +
      'hint: ask root to run isolate doctor, which shows what exists\n',
  });
  expect((await runLimited([], 'true')).status).toBe(0);
});
