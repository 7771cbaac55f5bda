import { expect, test } from 'vitest';

import { decodeAcl } from '../../../src/changes/acl.ts';
import { decodeCapability } from '../../../src/changes/capability.ts';
import { type NaturalIds, withNaturalOwners } from '../../../src/changes/natural-owners.ts';
import { acl, bytes, change, fileState, rawCapability } from '../../rig/sample-changes.ts';

const shifted = (base: number): NaturalIds => {
  const id = (each: number): number | null => (each >= base && each < base + 65_536 ? each - base : null);
  return { uid: id, gid: id };
};
const both = (base: number) => ({ before: shifted(base), after: shifted(base) });
/** `cap_net_raw=ep` in the namespace of a root. */
const capabilityOf = (rootId: number): Uint8Array => bytes(...rawCapability.with(3, 3), ...new Uint8Array(Uint32Array.of(rootId).buffer));

test('owners are those that the root of the sandbox sees, and others are unknown', () => {
  const changed = change('x', ['owner', 'group'], fileState({ uid: 100_000, gid: 100_005 }), fileState({ uid: 99_999, gid: 165_536 }));
  expect(withNaturalOwners(changed, both(100_000))).toEqual({
    ...changed,
    before: fileState({ uid: 0, gid: 5 }),
    after: fileState({ uid: null, gid: null }),
  });
});

test('each side has its own ids', () => {
  const changed = change('x', ['owner'], fileState({ uid: 7 }), fileState({ uid: 100_007 }));
  const { before, after } = withNaturalOwners(changed, { before: shifted(0), after: shifted(100_000) }) ?? changed;
  expect([before?.uid, after?.uid]).toEqual([7, 7]);
});

test('ACLs name the users of the sandbox', () => {
  const attributes = [{ name: 'system.posix_acl_access', before: null, after: acl([2, 101_000], [8, 5]) }];
  const seen = withNaturalOwners(change('x', ['acl'], fileState(), fileState(), { attributes }), both(100_000));
  expect(decodeAcl(seen?.attributes[0]?.after ?? bytes())).toEqual(['user::rw-', 'user:1000:r--', 'group:unknown:r--']);
});

test('capabilities of the root of the sandbox are of no namespace, and those of others are of an unknown one', () => {
  const attributes = [0, 1, 70_000].map((id) => ({ name: 'security.capability', before: null, after: capabilityOf(100_000 + id) }));
  const seen = withNaturalOwners(change('x', ['attributes'], fileState(), fileState(), { attributes }), both(100_000));
  expect(seen?.attributes.map(({ after }) => decodeCapability(after ?? bytes()))).toEqual([
    'cap_net_raw=ep',
    'cap_net_raw=ep [rootid=1]',
    'cap_net_raw=ep [rootid=unknown]',
  ]);
});

test('what differs only in how the storage has it is no change', () => {
  const attributes = [{ name: 'security.capability', before: rawCapability, after: capabilityOf(100_000) }];
  expect(withNaturalOwners(change('x', ['attributes'], fileState(), fileState(), { attributes }), both(100_000))).toBeNull();
});

test('attributes that are nobody’s ids stay as they are', () => {
  const attributes = [
    { name: 'user.note', before: null, after: capabilityOf(100_000) },
    { name: 'system.posix_acl_access', before: null, after: bytes(1, 2, 3) },
    { name: 'security.capability', before: null, after: bytes(1, 2, 3) },
  ];
  const changed = change('x', ['attributes', 'acl'], fileState({ uid: 100_000, gid: 100_000 }), null, { attributes });
  expect(withNaturalOwners(changed, both(100_000))).toEqual({ ...changed, before: fileState() });
});
