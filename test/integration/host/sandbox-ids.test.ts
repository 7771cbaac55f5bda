import { expect, test } from 'vitest';
import { probeFacts } from '../../../src/host/probe.ts';
import { findOwnFiles } from '../../../src/host/own-files.ts';
import { decide } from '../../../src/run/decide.ts';
import { ownCaller } from '../../../src/run/run-caller.ts';

const sandboxIds = { uids: { start: 1_000_000_000, count: 131_072 }, gids: { start: 2_000_000_000, count: 655_360 } };

test("root's sandboxes take their ids from the settings before anything else", async () => {
  const { user } = await probeFacts({ environment: {}, uid: 0, gid: 0, sandboxIds, files: findOwnFiles() });
  expect({ sandboxUids: user.sandboxUids, sandboxGids: user.sandboxGids }).toEqual({
    sandboxUids: sandboxIds.uids,
    sandboxGids: sandboxIds.gids,
  });
});

test('a run of root is decided with the ids of the settings, one of another user does not ask for them', async () => {
  const request = { zfs: 'tank/none', command: ['true'] as const };
  let asked = 0;
  const ask = () => {
    asked += 1;
    return sandboxIds;
  };
  const { facts } = await decide(request, { ...ownCaller(), uid: 0, gid: 0, sandboxIds: ask });
  expect({ sandboxUids: facts.user.sandboxUids, sandboxGids: facts.user.sandboxGids, asked }).toEqual({
    sandboxUids: sandboxIds.uids,
    sandboxGids: sandboxIds.gids,
    asked: 1,
  });
  await decide(request, { ...ownCaller(), uid: 1000, gid: 1000, sandboxIds: ask }).catch(() => {});
  expect(asked).toBe(1);
});
