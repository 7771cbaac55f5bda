import { expect, test } from 'vitest';

import { checkIdentity, planBindIdmap, planIdentity } from '../../../src/engine/identity.ts';
import { planUserMaps } from '../../../src/engine/user-maps.ts';
import type { Rootfs } from '../../../src/rootfs/rootfs.ts';
import type { SandboxSpec } from '../../../src/spec/spec.ts';
import { naturalRootfs, overlay as overlayPart, plainSpec, rootFacts, userFacts } from '../../golden/facts.ts';

test.each([0, 1, 42, 1000, 65_535])('root cannot give a sandbox the ids from %i, which are those of root or users', (base) => {
  const problems = checkIdentity({ ...plainSpec, uidBase: base, gidBase: base }, rootFacts);
  expect(problems.map(({ code }) => code)).toEqual(['cannot-enforce', 'cannot-enforce']);
});

test('root may choose a range of its own, and others one of their subordinate ids', () => {
  expect(checkIdentity({ ...plainSpec, uidBase: 65_536, gidBase: 200_000 }, rootFacts)).toEqual([]);
  expect(checkIdentity({ ...plainSpec, uidBase: 100_000, gidBase: 100_001 }, userFacts)).toEqual([]);
  expect(checkIdentity({ ...plainSpec, uidBase: 1000 }, userFacts).map(({ code }) => code)).toEqual(['not-permitted']);
});

test.each([
  [1000, 1000, { uid: 1000, gid: 1000 }],
  [0, 1000, 'none'],
  [1000, 0, 'none'],
])('a bind of a source of %i:%i is shown with the ids %j', (uid, gid, idmap) => {
  expect(planBindIdmap(rootFacts, { kind: 'directory', mode: 0o755, uid, gid, idmappable: true })).toEqual(idmap);
});

const plainUser = {
  uid: 1000,
  gid: 1001,
  subordinateUids: [{ start: 100_000, count: 65_536 }],
  subordinateGids: [{ start: 300_000, count: 10 }],
};

test('sandboxes of a user have the own id as 0, followed by the subordinate ones', () => {
  expect(planUserMaps(plainUser)).toEqual({
    uidMap: [
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100_000, count: 65_535 },
    ],
    gidMap: [
      { inside: 0, outside: 1001, count: 1 },
      { inside: 1, outside: 300_000, count: 10 },
    ],
  });
});

test.each(['subordinateUids', 'subordinateGids'])('without %s they have only the own ids', (kind) => {
  expect(planUserMaps({ ...plainUser, [kind]: [] })).toEqual({
    uidMap: [{ inside: 0, outside: 1000, count: 1 }],
    gidMap: [{ inside: 0, outside: 1001, count: 1 }],
  });
});

test('several ranges are all used, one after the other, each id once and the own id not twice', () => {
  const uidMap = planUserMaps({
    ...plainUser,
    subordinateUids: [
      { start: 990, count: 20 },
      { start: 100_000, count: 1000 },
      { start: 100_500, count: 1000 },
      { start: 300_000, count: 65_536 },
    ],
  }).uidMap;
  expect(uidMap).toEqual([
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 990, count: 10 },
    { inside: 11, outside: 1001, count: 9 },
    { inside: 20, outside: 100_000, count: 1000 },
    { inside: 1020, outside: 101_000, count: 500 },
    { inside: 1520, outside: 300_000, count: 64_016 },
  ]);
});

test('a map has no more lines than the kernel allows', () => {
  const subordinateUids = Array.from({ length: 500 }, (_, index) => ({ start: 100_000 + 10 * index, count: 5 }));
  expect(planUserMaps({ ...plainUser, subordinateUids }).uidMap).toHaveLength(340);
});

test('a base may lie in any of the ranges, and the message names them all', () => {
  const user = {
    ...userFacts.user,
    subordinateUids: [
      { start: 100_000, count: 10 },
      { start: 300_000, count: 65_536 },
    ],
  };
  expect(checkIdentity({ ...plainSpec, uidBase: 300_001 }, { ...userFacts, user })).toEqual([]);
  expect(checkIdentity({ ...plainSpec, uidBase: 200_000 }, { ...userFacts, user })).toEqual([
    {
      code: 'not-permitted',
      message: '--uid-base 200000 is not among your subordinate ids in /etc/subuid.',
      hint: 'yours are 100000 to 100009, 300000 to 365535',
    },
  ]);
});

const overlay = { kind: 'directory', path: '/srv/t', write: 'clone' } as const;

test('the base of a user cannot be combined with layers, which it could not write', () => {
  const codes = (root: SandboxSpec['root'], readOnlyRoot: boolean): string[] =>
    checkIdentity({ ...plainSpec, uidBase: 100_000, root, readOnlyRoot }, userFacts).map(({ code }) => code);
  expect([codes(overlay, false), codes(overlay, true), codes({ ...overlay, write: 'direct' }, false)]).toEqual([
    ['unsupported-option'],
    ['unsupported-option'],
    [],
  ]);
});

test('if newuidmap gains no rights, a sandbox has a single id and a base is refused', () => {
  const facts = { ...userFacts, privileges: { withheld: 'no_new_privs is set', missing: [] } };
  const { userNamespace } = planIdentity({ spec: {}, rootfs: naturalRootfs, facts, idSlot: 0 });
  expect(userNamespace).toEqual({
    uidMap: [{ inside: 0, outside: 1000, count: 1 }],
    gidMap: [{ inside: 0, outside: 1000, count: 1 }],
    writer: 'single',
  });
  expect(checkIdentity({ ...plainSpec, uidBase: 100_000 }, facts)).toEqual([
    {
      code: 'cannot-enforce',
      message: '--uid-base needs newuidmap, which gains no rights here: no_new_privs is set.',
      hint: 'leave --uid-base out',
    },
  ]);
});

test('root without the capabilities for a sandbox is told which ones are missing', () => {
  const facts = { ...rootFacts, privileges: { withheld: null, missing: ['CAP_SETUID', 'CAP_SYS_CHROOT', 'CAP_SYS_ADMIN'] as const } };
  expect(checkIdentity(plainSpec, facts)).toEqual([
    {
      code: 'cannot-enforce',
      message: 'Root lacks the capabilities CAP_SETUID, CAP_SYS_ADMIN here, which isolate needs.',
      hint: 'give them to the container or service that isolate runs in, or run isolate as another user, with -t',
    },
  ]);
});

test("layers over a root with owners of this host's are refused by the name of their template", () => {
  const rootfs: Rootfs = { parts: [{ ...overlayPart, ownership: { kind: 'shifted', uidBase: 1000, gidBase: 1000 } }] };
  expect(() => planIdentity({ spec: {}, rootfs, facts: rootFacts, idSlot: 0 })).toThrow('The root of /srv/debian belongs to 1000:1000;');
});

test('layers on a file system that cannot be mounted with other ids are named, not their template', () => {
  const rootfs: Rootfs = { parts: [{ ...overlayPart, idmappable: { lower: true, upper: false } }] };
  expect(() => planIdentity({ spec: {}, rootfs, facts: rootFacts, idSlot: 0 })).toThrow(
    'The layers in /var/lib/isolate/overlay/srv-debian/1700000000000000000 cannot be mounted idmapped',
  );
});
