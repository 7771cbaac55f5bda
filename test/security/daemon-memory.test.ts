import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunsDocument } from '../../src/status/status.ts';
import { type Daemon, socketFile, startDaemon } from '../rig/daemon.ts';
import { askStatus } from '../rig/directory-daemon.ts';
import { isolate } from '../rig/isolate.ts';
import { attackProgram, startAttack } from '../rig/member-attack.ts';
import { addMember, addMemberGroup, type Member, memberGroup, runAs } from '../rig/members.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../rig/zfs-template.ts';

const mebibyte = 1024 * 1024;

let members: readonly Member[];
let other: Member;
let template: ZfsTemplate;
let daemon: Daemon;
beforeAll(async () => {
  members = await Promise.all(Array.from({ length: 7 }, (_, index) => addMember(54_310 + index, { subordinate: null })));
  other = await addMember(54_320, { subordinate: null });
  await addMemberGroup();
  template = await makeZfsTemplate();
  daemon = await startDaemon(`[templates."${template.dataset}"]\ncount = 3\n`);
}, 300_000);
afterAll(async () => {
  await daemon.end();
  await isolate(['refresh', '--force', '--skip-create', template.dataset]);
  await template.pool.end();
}, 300_000);

function residentBytes(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** The daemon is the process that it was, its broker too, and who does no harm is served. */
async function goesOn(): Promise<void> {
  expect(await runAs(other, ['-q', '-z', template.dataset, '--wait', '60', 'echo', 'served'])).toEqual({
    status: 0,
    signal: null,
    stdout: 'served\n',
    stderr: '',
  });
  expect(((await askStatus(socketFile, 'ps')) as RunsDocument).runs).toEqual(expect.any(Array));
  expect({ code: daemon.process.exitCode, signal: daemon.process.signalCode }).toEqual({ code: null, signal: null });
  expect(
    daemon
      .log()
      .split('\n')
      .filter((line) => line.includes('"event":"broker"')),
  ).toEqual([]);
}

test.each([
  ['one member who answers with as much as there can be', 'answers', 1, 60],
  ['seven members who answer with as much as there can be', 'answers', 7, 20],
  ['seven members who do not answer what they are asked', 'runs', 7, 20],
])('%s do not crash the daemon', { timeout: 120_000 }, async (_who, what, count, connections) => {
  const before = residentBytes();
  const program = await attackProgram();
  const args = ['fill', what, String(connections), template.dataset];
  const attacks = members.slice(0, count).map(({ uid }) => startAttack(program, { uid, groups: [uid, memberGroup] }, args));
  const left = (await Promise.all(attacks.map(({ next }) => next()))).map(Number);
  // Each user has some of them under way, none has all.
  expect(left.every((number) => number >= 0 && number < connections)).toBe(true);
  expect(left.reduce((sum, number) => sum + number, 0)).toBeGreaterThan(0);
  await goesOn();
  expect(residentBytes() - before).toBeLessThan(300 * mebibyte);
  for (const { child } of attacks) child.kill('SIGKILL');
  await expect.poll(async () => ((await askStatus(socketFile, 'ps')) as RunsDocument).runs, { timeout: 30_000 }).toEqual([]);
});
