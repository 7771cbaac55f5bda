import { afterAll, beforeAll, expect, test } from 'vitest';

import { runCommand, type RunCommand } from '../../../src/process/command.ts';
import { openZfs } from '../../../src/storage/zfs/driver.ts';
import { makeZfsRig, type ZfsRig } from '../../rig/zfs-clones.ts';

let rig: ZfsRig;
beforeAll(async () => {
  rig = await makeZfsRig();
});
afterAll(() => rig.end());

test('a copy for other owners is mounted and unmounted only while nothing else is, which would wedge zfs-fuse', async () => {
  const { template } = await rig.makeTemplate('locked');
  let locks = 0;
  const seen: string[] = [];
  const run: RunCommand = async (command) => {
    if (['mount', 'unmount'].includes(command.args[0] ?? '') && locks === 0) seen.push(command.args.join(' '));
    return await runCommand(command);
  };
  const whileMounting = async <T>(act: () => Promise<T>): Promise<T> => {
    locks += 1;
    return await act().finally(() => (locks -= 1));
  };
  const driver = await openZfs(template, { tools: { zfs: '/sbin/zfs', zpool: '/sbin/zpool' }, run, canIdmap: () => false });
  const owners = { kind: 'shifted', uidBase: 100_000, gidBase: 200_000 } as const;
  const id = rig.takeId();
  const [made] = await driver.create(await driver.newestSource(), [id], { owners, mountDirectory: rig.mounts, whileMounting });
  expect({ made: made?.ok, seen }).toEqual({ made: true, seen: [] });
});
