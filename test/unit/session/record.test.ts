import fc from 'fast-check';
import { expect, test } from 'vitest';

import { formatSession, parseSession, type SessionRecord } from '../../../src/session/record.ts';

const map = fc.array(fc.record({ inside: fc.nat(), outside: fc.nat(), count: fc.nat() }), { minLength: 1, maxLength: 3 });
const record: fc.Arbitrary<SessionRecord> = fc.record({
  name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
  uid: fc.nat(),
  root: fc.oneof(
    fc.record({ kind: fc.constant('volume'), locator: fc.string() }),
    fc.record({
      kind: fc.constant('directory'),
      path: fc.string(),
      write: fc.constant('clone'),
      storage: fc.constantFrom('overlay', 'btrfs', 'dir'),
    }),
  ),
  clone: fc.record({ id: fc.string(), guid: fc.string() }),
  owners: fc.oneof(
    fc.constant(null),
    fc.record({ kind: fc.constant('shifted'), uidBase: fc.nat(), gidBase: fc.nat() }),
    fc.record({ kind: fc.constant('mapped'), uidMap: map, gidMap: map }),
  ),
  source: fc.string(),
  createdMs: fc.nat(),
  engine: fc.string(),
  command: fc.array(fc.string(), { maxLength: 5 }),
  usedMs: fc.nat(),
});

test('a record is read as it was written', () => {
  fc.assert(
    fc.property(record, (written) => {
      expect(parseSession(formatSession(written))).toEqual(written);
    }),
  );
});

test('what is cut off, of another version or something else is no record', () => {
  fc.assert(
    fc.property(record, fc.nat(), (written, at) => {
      const text = formatSession(written);
      expect(parseSession(text.slice(0, at % text.length))).toBeNull();
      expect(parseSession(text.replace('"version":1', '"version":2'))).toBeNull();
    }),
  );
  for (const text of ['null\n', '[]\n', '{"version":1}\n', `${JSON.stringify('x'.repeat(20_000))}\n`])
    expect(parseSession(text)).toBeNull();
});

test.each(['../other', '', '.', 'a/b', 'a b', `a${'b'.repeat(64)}`])('%j is no name of a session', (name) => {
  const [written] = fc.sample(record, 1);
  if (written === undefined) throw new Error('There is no sample.');
  expect(parseSession(formatSession({ ...written, name }))).toBeNull();
});
