import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Daemon, startDaemon } from '../rig/daemon.ts';
import { isolatePath } from '../rig/isolate.ts';
import { addMember, addMemberGroup, type Member, runAs } from '../rig/members.ts';
import { startPty } from '../rig/pty.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

const hint = 'isolate: The root of this run is gone; with --keep-on-failure it is kept.\r\n';

let member: Member;
let root: string;
beforeAll(async () => {
  member = await addMember(54_601, { subordinate: 1_650_000_000 });
  await addMemberGroup();
  root = await copyRootfs(await busyboxRootfs(), join(member.home, 'root'));
}, 300_000);

/** What a member sees on a terminal of such a run, and its status. */
async function see(options: readonly string[], script: string): Promise<readonly [screen: string, status: number]> {
  const identity = [`--reuid=${member.uid}`, `--regid=${member.uid}`, `--groups=${member.groups.join(',')}`];
  const command = [isolatePath, '-t', root, ...options, 'sh', '-c', script];
  const pty = await startPty(['setpriv', ...identity, '--', ...command], { HOME: member.home });
  const status = (await pty.ended) >> 8;
  return [pty.screen(), status];
}

describe.each(['Node', 'the daemon'])('a run that %s decides', (who) => {
  let daemon: Daemon | null = null;
  beforeAll(async () => {
    if (who === 'the daemon') daemon = await startDaemon('');
  });
  afterAll(() => daemon?.end());

  test('says on a terminal how its root could have been kept if the command failed', async () => {
    expect(await see(['--ephemeral'], 'exit 3')).toEqual([hint, 3]);
    expect(await see(['--ephemeral'], 'kill -KILL $$')).toEqual([hint, 137]);
    expect(await see(['--ephemeral', '--timeout', '1'], 'exec sleep 60')).toEqual([
      `isolate: "sh" ran longer than 1 s and was ended.\r\n${hint}`,
      124,
    ]);
  });

  test('does not say so if the command succeeded, the root was not thrown away or is kept, or nobody wants to read it', async () => {
    expect(await see(['--ephemeral'], 'exit 0')).toEqual(['', 0]);
    expect(await see(['--read-only'], 'exit 3')).toEqual(['', 3]);
    expect(await see(['--ephemeral', '-q'], 'exit 3')).toEqual(['', 3]);
    expect(await see(['--ephemeral', '--json'], 'exit 3')).toEqual(['', 3]);
    expect((await see(['--ephemeral', `--keep=hint-${who === 'Node' ? 1 : 2}`], 'exit 3'))[0]).not.toContain('keep-on-failure');
    expect(await runAs(member, ['-t', root, '--ephemeral', 'sh', '-c', 'exit 3'])).toEqual({
      status: 3,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });
});
