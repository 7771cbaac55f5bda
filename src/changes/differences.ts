import { aclAttributes } from './acl.ts';
import type { AttributeChange, Change, ChangeKind, FileState } from './change.ts';

/** Of a longer value only the beginning is known, so that it counts as different. */
const mostKept = 4096;

/** What differs between a deleted file and an added one. `isSame`: the content of two regular files that are not empty and equally long. */
export function differences(
  deleted: Change,
  added: Change,
  isSame: boolean,
): { readonly kinds: readonly ChangeKind[]; readonly attributes: readonly AttributeChange[] } {
  const attributes = attributeDifferences(deleted.attributes, added.attributes);
  const hasAcl = attributes.some(({ name }) => Object.hasOwn(aclAttributes, name));
  const hasOther = attributes.some(({ name }) => !Object.hasOwn(aclAttributes, name));
  const { before } = deleted;
  const { after } = added;
  const kinds: readonly ChangeKind[] = before === null || after === null ? [] : stateDifferences(before, after, isSame);
  return { kinds: [...kinds, ...(hasOther ? (['attributes'] as const) : []), ...(hasAcl ? (['acl'] as const) : [])], attributes };
}

function stateDifferences(before: FileState, after: FileState, isSame: boolean): readonly ChangeKind[] {
  const kinds: ChangeKind[] = [];
  if (before.kind !== after.kind) kinds.push('type');
  else if (hasOtherContent(before, after, isSame)) kinds.push('content');
  if (before.kind !== 'link' && after.kind !== 'link' && before.mode !== after.mode) kinds.push('mode');
  if (before.uid !== after.uid) kinds.push('owner');
  if (before.gid !== after.gid) kinds.push('group');
  return kinds;
}

function hasOtherContent(before: FileState, after: FileState, isSame: boolean): boolean {
  switch (after.kind) {
    case 'file':
      return before.sizeBytes !== after.sizeBytes || (after.sizeBytes > 0 && !isSame);
    case 'link':
      return before.target !== after.target;
    case 'block-device':
    case 'character-device':
      return before.device.major !== after.device.major || before.device.minor !== after.device.minor;
    default:
      return false;
  }
}

function attributeDifferences(deleted: readonly AttributeChange[], added: readonly AttributeChange[]): readonly AttributeChange[] {
  const before = new Map(deleted.map((attribute) => [attribute.name, attribute.before]));
  const after = new Map(added.map((attribute) => [attribute.name, attribute.after]));
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((name) => ({ name, before: before.get(name) ?? null, after: after.get(name) ?? null }))
    .filter((attribute) => !isSameValue(attribute.before, attribute.after));
}

function isSameValue(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.length < mostKept && one.every((byte, index) => byte === other[index]);
}
