import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readdirSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import type { RunsDocument, RunStatus } from '../../src/status/status.ts';
import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { isolate } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs, startAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

let ada: Member;
let grace: Member;
let outsider: Member;
let root: string;
let daemon: Daemon;
beforeAll(async () => {
  ada = await addMember(54_401);
  grace = await addMember(54_402);
  outsider = await addMember(54_403, { groups: [] });
  await addMemberGroup();
  // The others go through her home to the root.
  chmodSync(ada.home, 0o755);
  root = join(ada.home, 'root');
  await copyRootfs(await busyboxRootfs(), root);
  daemon = await startDaemon('');
}, 300_000);
afterAll(() => daemon.end());

/** Starts a run on a directory that lasts until the test has ended. */
async function startRun(member: Member, program: 'isolate' | 'isolate-node' = 'isolate-node'): Promise<ChildProcess> {
  const child = startAs(member, ['-q', '-t', root, '--ephemeral', '--timeout', '600', 'sh', '-c', 'echo; exec sleep 600'], program);
  const closed = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await closed;
  });
  await Promise.race([
    once(child.stdout!, 'data'),
    closed.then(() => {
      throw new Error('The run has ended.');
    }),
  ]);
  return child;
}

const listed = (stdout: string): readonly RunStatus[] => (JSON.parse(stdout) as RunsDocument).runs;
const seenBy = async (member: Member): Promise<readonly RunStatus[]> => listed((await runAs(member, ['ps', '--json'])).stdout);
const seenByRoot = async (): Promise<readonly RunStatus[]> => listed((await isolate(['ps', '--json'])).stdout);

test.each(['isolate-node', 'isolate'] as const)('runs of %s on directories are shown only to their user and to root', async (program) => {
  await startRun(ada, program);
  await startRun(outsider, program);
  const of = ({ uid, name }: Member) => ({
    runId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    pid: expect.any(Number) as number,
    startTime: expect.stringMatching(/^[0-9]+$/) as string,
    pidNamespace: readlinkSync('/proc/self/ns/pid'),
    uid,
    user: name,
    sinceMs: expect.any(Number) as number,
    template: root,
    clone: expect.stringMatching(/^[0-9]+$/) as string,
    engine: 'bwrap',
    command: ['sh', '-c', 'echo; exec sleep 600'],
  });
  expect({ ada: await seenBy(ada), grace: await seenBy(grace), outsider: await seenBy(outsider), root: await seenByRoot() }).toEqual({
    ada: [of(ada)],
    grace: [],
    outsider: [of(outsider)],
    root: [of(ada), of(outsider)],
  });
});

test('root neither believes nor follows what a user forges', async () => {
  const real = await startRun(ada);
  const [run] = await seenBy(ada);
  expect(run).toBeDefined();
  const runs = join(ada.home, '.local/state/isolate/runs');
  const [claim = ''] = readdirSync(runs);
  const [, pid, ...holder] = claim.split('.');
  const made = (runId: string, text: string, owner = ada.uid): void => {
    const file = join(runs, `${runId}.${pid}.${holder.join('.')}`);
    writeFileSync(file, text);
    chownSync(file, owner, owner);
  };
  const description = { template: '/x', clone: null, engine: 'bwrap', command: ['x'], sinceMs: 0 };
  // Another user's name, root's file, too long a text, no description, a pipe, a link, a template of the daemon's.
  made('0'.repeat(16), JSON.stringify({ ...description, uid: grace.uid }));
  made('1'.repeat(16), JSON.stringify({ ...description, uid: 0 }), 0);
  made('2'.repeat(16), JSON.stringify({ ...description, uid: 0, command: ['x'.repeat(70_000)] }));
  made('3'.repeat(16), '{}');
  symlinkSync(join(runs, claim), join(runs, `${'4'.repeat(16)}.${pid}.${holder.join('.')}`));
  execFileSync('mkfifo', [join(runs, `${'6'.repeat(16)}.${pid}.${holder.join('.')}`)]);
  made('5'.repeat(16), JSON.stringify({ ...description, uid: ada.uid, template: 'tank/t' }));
  const seen = (await seenByRoot()).map(({ runId, uid, template }) => ({ runId, uid, template }));
  expect(seen).toEqual([
    { runId: '0'.repeat(16), uid: ada.uid, template: '/x' },
    { runId: run?.runId, uid: ada.uid, template: root },
  ]);
  // A process of somebody else's holds nothing of hers.
  expect(real.pid).toBeGreaterThan(0);
  const elsewhere = join(grace.home, '.local/state/isolate');
  mkdirSync(elsewhere, { recursive: true });
  for (const path of ['', '.local', '.local/state', '.local/state/isolate']) chownSync(join(grace.home, path), grace.uid, grace.uid);
  mkdirSync(join(elsewhere, 'runs'));
  chownSync(join(elsewhere, 'runs'), grace.uid, grace.uid);
  const stolen = join(elsewhere, 'runs', claim);
  writeFileSync(stolen, JSON.stringify({ ...description, uid: grace.uid }));
  chownSync(stolen, grace.uid, grace.uid);
  await startRun(grace);
  expect((await seenByRoot()).filter(({ uid }) => uid === grace.uid).map(({ template }) => template)).toEqual([root]);
  // Behind a link nothing is looked at.
  renameSync(join(ada.home, '.local'), join(ada.home, 'moved'));
  symlinkSync('moved', join(ada.home, '.local'));
  expect((await seenByRoot()).filter(({ uid }) => uid === ada.uid)).toEqual([]);
});
