import { expect, test } from 'vitest';

import { checkIdentity, planBindIdmap, planUserMaps } from '../../../src/engine/identity.ts';
import { plainSpec, rootFacts, userFacts } from '../../golden/facts.ts';

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

test("a user's sandboxes have the own id as 0 and the subordinate ones behind it", () => {
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

test.each(['subordinateUids', 'subordinateGids'])('without %s they have the own ids alone', (kind) => {
  expect(planUserMaps({ ...plainUser, [kind]: [] })).toEqual({
    uidMap: [{ inside: 0, outside: 1000, count: 1 }],
    gidMap: [{ inside: 0, outside: 1001, count: 1 }],
  });
});
