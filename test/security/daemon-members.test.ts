import { execFile } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunsDocument, StatusDocument } from '../../src/status/status.ts';
import { type Daemon, socketFile, startDaemon, writeConfig } from '../rig/daemon.ts';
import { askStatus } from '../rig/directory-daemon.ts';
import { isolate } from '../rig/isolate.ts';
import { type Attack, attackProgram, startAttack } from '../rig/member-attack.ts';
import { addMember, addMemberGroup, type Member, memberGroup, runAs } from '../rig/members.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

const run = promisify(execFile);
const subordinate = 1_620_000_000;

let hostile: Member;
/** Each may have two clones; what the one has left does not count for the other. */
let keepers: readonly [mounted: Member, open: Member];
let single: Member;
let other: Member;
let queuer: Member;
let template: ZfsTemplate;
let hidden: string;
let daemon: Daemon;
let program: string;

beforeAll(async () => {
  hostile = await addMember(54_301, { subordinate });
  keepers = [await addMember(54_306, { subordinate: 1_630_000_000 }), await addMember(54_307, { subordinate: 1_640_000_000 })];
  single = await addMember(54_302, { subordinate: null });
  other = await addMember(54_303);
  queuer = await addMember(54_305, { subordinate: null });
  await addMemberGroup();
  program = await attackProgram();
  template = await makeZfsTemplate();
  hidden = `${template.pool.name}/hidden`;
  await template.pool.zfs('create', hidden);
  await run('cp', ['-a', `${template.directory}/.`, join(template.directory, '../hidden')]);
  await template.pool.zfs('snapshot', `${hidden}@first`);
  await writeConfig(`
[templates."${template.dataset}"]
count = 3
[templates."${hidden}"]
count = 1
users = ["${other.name}"]
${keepers.map(({ name }) => `[limits.users.${name}]\nleases = 2\n`).join('')}`);
  daemon = await startDaemon();
}, 300_000);
afterAll(async () => {
  await daemon.end();
  for (const dataset of [template.dataset, hidden]) await isolate(['refresh', '--force', '--skip-create', dataset]);
  await template.pool.end();
}, 300_000);

const attack = (uid: number, groups: readonly number[], ...args: string[]): Attack =>
  startAttack(program, { uid, groups }, args, { TEMPLATE: template.dataset });
const as = (member: Member): [number, number[]] => [member.uid, [member.uid, memberGroup]];
const code = (line: string | null): unknown => (line?.startsWith('{') ? (JSON.parse(line) as { code: string }).code : line);

test.each([
  ['mounted', '1', 0],
  ['as a descriptor', '0', 1],
] as const)(
  'clones that a member keeps %s after their leases count until they are gone',
  { timeout: 120_000 },
  async (_how, mounted, number) => {
    const keeper = keepers[number];
    const kept = [1, 2].map(() => attack(...as(keeper), 'keep', mounted, template.dataset));
    expect(await Promise.all(kept.map(({ next }) => next()))).toEqual(['kept', 'kept']);
    // Both leases have ended; what is looked at is the next one.
    const another = async (): Promise<unknown> => {
      const { child, next } = attack(...as(keeper), 'keep', '0', template.dataset);
      const line = await next();
      child.kill('SIGKILL');
      return code(line);
    };
    await expect.poll(async () => (await daemonStatus()).retired, { timeout: 60_000, interval: 50 }).toBe(2);
    await expect.poll(another, { timeout: 60_000, interval: 200 }).toBe('quota-exceeded');
    expect(code(await attack(...as(single), 'keep', '0', template.dataset).next())).toBe('kept');
    for (const { child } of kept) child.kill('SIGKILL');
    await expect.poll(another, { timeout: 90_000, interval: 500 }).toBe('kept');
  },
);

async function daemonStatus(): Promise<StatusDocument['pools'][number]> {
  const [pool] = ((await askStatus(socketFile, 'status')) as StatusDocument).pools;
  if (pool === undefined) throw new Error('There is no pool.');
  return pool;
}

test('a member without subordinate groups cannot drop a group that denies access', async () => {
  const file = join(single.home, 'not-for-them');
  writeFileSync(file, 'secret');
  chownSync(file, 0, 60_123);
  chmodSync(file, 0o604);
  chmodSync(single.home, 0o755);
  const said = async (member: Member): Promise<(string | null)[]> => {
    const { next } = attack(member.uid, [member.uid, memberGroup, 60_123], 'groups', file, template.dataset);
    return [await next(), await next(), await next()];
  };
  // The kernel lets whoever has subordinate groups do so.
  expect(await said(hostile)).toEqual(['EACCES', 'left', 'read']);
  expect(await said(single)).toEqual(['EACCES', 'EPERM', 'EACCES']);
});

test('subordinate ids get nothing, so nobody has the quotas of thousands of users', async () => {
  expect(code(await attack(subordinate + 5, [subordinate + 5, memberGroup], 'keep', '0', template.dataset).next())).toBe('ended');
  expect(code(await attack(...as(other), 'keep', '0', template.dataset).next())).toBe('kept');
});

test('a member is not told about templates without access, or about runs on them', async () => {
  const { next } = attack(...as(other), 'keep', '0', hidden);
  expect(await next()).toBe('kept');
  const runs = attack(...as(other), 'keep', '0', template.dataset);
  expect(await runs.next()).toBe('kept');
  const seen = async (member: Member): Promise<string[]> => {
    const { stdout } = await runAs(member, ['status', '--json'], 'isolate-node');
    return (JSON.parse(stdout) as StatusDocument).pools.map(({ template: name }) => name).toSorted();
  };
  expect(await seen(hostile)).toEqual([template.dataset]);
  expect(await seen(other)).toEqual([hidden, template.dataset].toSorted());
  const metrics = async (member: Member): Promise<boolean[]> => {
    const { stdout } = await run('setpriv', [
      `--reuid=${member.uid}`, `--regid=${member.uid}`, `--groups=${memberGroup}`, '--',
      'curl', '-s', '--unix-socket', '/run/isolate/metrics.sock', 'http://localhost/metrics',
    ]); // prettier-ignore
    return [stdout.includes(template.dataset), stdout.includes(hidden)];
  };
  expect([await metrics(hostile), await metrics(other)]).toEqual([[true, false], [true, true]]); // prettier-ignore
});

test('root of a user namespace is the member who made it, and of another pid namespace nobody', async () => {
  const pids = new Set<unknown>();
  const inside = async (...namespaces: string[]): Promise<unknown> => {
    const env = { TEMPLATE: template.dataset };
    const ids = [`--reuid=${other.uid}`, `--regid=${other.uid}`, `--groups=${memberGroup}`, '--'];
    const args = [
      ...ids,
      'unshare',
      '--user',
      '--map-root-user',
      ...namespaces,
      program,
      '0',
      '0',
      socketFile,
      'keep',
      '0',
      template.dataset,
    ];
    const started = run('setpriv', args, { env: { ...process.env, ...env } });
    started.child.stdin?.end();
    pids.add(started.child.pid);
    const { stdout } = await started;
    return code(stdout.trim());
  };
  expect(await Promise.all([inside(), inside('--mount', '--net')])).toEqual(['kept', 'kept']);
  expect(await inside('--pid', '--fork')).toBe('not-permitted');
  const ended = (): unknown[] => {
    const lines = daemon.log().split('\n');
    const leases = lines.flatMap((line) => (line.includes('"event":"lease"') ? [JSON.parse(line) as { pid: number; uid: number }] : []));
    return leases.flatMap(({ pid, uid }) => (pids.has(pid) ? [uid] : []));
  };
  await expect.poll(ended).toEqual([other.uid, other.uid]);
});

test('invalid names of templates, and templates without access, give nothing and reveal nothing', async () => {
  const { dataset } = template;
  const lease = async (name: string): Promise<unknown> => code(await attack(...as(other), 'keep', '0', name).next());
  const none = [
    '',
    '/',
    '-z',
    '..',
    `${dataset}/../hidden`,
    `${dataset}@first`,
    `${dataset}/`,
    ` ${dataset}`,
    `${dataset} `,
    '/etc',
    'a\tb',
    `ü${dataset}`,
    'a'.repeat(255),
  ];
  for (const name of none) expect({ name, lease: await lease(name) }).toEqual({ name, lease: 'bad-name' });
  for (const name of [`${dataset}_1`, template.pool.name, `${template.pool.name}/none`, 'tank/t%s%n']) {
    expect({ name, isRefused: ['not-permitted', 'bad-name'].includes(String(await lease(name))) }).toEqual({ name, isRefused: true });
  }
  const refusal = async (name: string): Promise<string> => {
    const line = await attack(...as(hostile), 'keep', '0', name).next();
    return (line ?? '').replaceAll(name, 'NAME');
  };
  expect(await refusal(hidden)).toBe(await refusal(`${hidden}-not`));
  expect(await lease(dataset)).toBe('kept');
});

test('a user whose uid is one of its own subordinate ids gets a clone, in which that uid is root alone', async () => {
  const inside = await addMember(54_304, { subordinate: 54_300 });
  const { status, stdout } = await runAs(inside, ['-q', '-z', template.dataset, '--wait', '60', 'cat', '/proc/self/uid_map']);
  const ranges = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/).map(Number));
  const insides = ranges.filter(([, first = 0, count = 0]) => 54_304 >= first && 54_304 < first + count);
  expect({ status, insides }).toEqual({ status: 0, insides: [[0, 54_304, 1]] });
});

test('waiting requests of a member have a limit of their own, and do not keep another member waiting', { timeout: 120_000 }, async () => {
  const { next } = attack(...as(queuer), 'queue', '60', template.dataset);
  const counts = JSON.parse((await next()) ?? '') as Record<string, number>;
  // Of those that were not refused some have their clones already.
  expect(counts).toEqual({ refused: expect.any(Number) as number, left: expect.any(Number) as number });
  expect(counts['refused']).toBeGreaterThan(0);
  expect(await runAs(single, ['-q', '-z', template.dataset, '--wait', '60', 'echo', 'served'])).toMatchObject({
    status: 0,
    stdout: 'served\n',
  });
});

test('a run does not reveal whether a template without access exists', async () => {
  const answer = async (member: Member, name: string): Promise<string> => {
    const line = await attack(...as(member), 'run', name).next();
    return (line ?? '').replaceAll(name, 'NAME');
  };
  // A refusal by the daemon (34) in both cases, with the same words.
  expect(await answer(hostile, hidden)).toMatch(/^34 .*"code":"not-permitted"/);
  expect(await answer(hostile, hidden)).toBe(await answer(hostile, `${hidden}-not`));
  expect(await answer(other, hidden)).toMatch(/^33 /);
});

test('a member who floods the daemon blocks nobody, and costs little memory', { timeout: 120_000 }, async () => {
  const pid = daemon.process.pid ?? 0;
  const before = residentBytes(pid);
  const { next } = attack(...as(hostile), 'flood', '500', '10');
  expect(await next()).toBe('begun');
  let answers = 0;
  let most = before;
  const end = next();
  let isOver = false;
  void end.then(() => (isOver = true));
  while (!isOver) {
    expect(((await askStatus(socketFile, 'ps')) as RunsDocument).runs).toEqual(expect.any(Array));
    if (!isOver) answers += 1;
    most = Math.max(most, residentBytes(pid));
  }
  expect(Number(await end)).toBeGreaterThan(100e6);
  // They don't wait for the end of the flood.
  expect(answers).toBeGreaterThan(0);
  expect(most - before).toBeLessThan(170e6);
});

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
