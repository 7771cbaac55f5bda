import { aclAttributes, mapAclIds } from './acl.ts';
import { capabilityAttribute, mapRootId } from './capability.ts';
import type { AttributeChange, Change, ChangeKind, FileState } from './change.ts';

/** What an id of the storage is to the sandbox's root; null: it is none of the sandbox's. */
export type NaturalId = (id: number) => number | null;

/** Those of one side. */
export interface NaturalIds {
  readonly uid: NaturalId;
  readonly gid: NaturalId;
}

/**
 * A change with the owners that the sandbox's root sees, in ACLs and capabilities too. null: nothing is left of it, as if a capability was
 * only set again.
 */
export function withNaturalOwners(change: Change, sides: { readonly before: NaturalIds; readonly after: NaturalIds }): Change | null {
  const attributes = change.attributes
    .map((attribute) => translate(attribute, sides))
    .filter(({ before, after }) => !isSame(before, after));
  const has = (isAcl: boolean): boolean => attributes.some(({ name }) => Object.hasOwn(aclAttributes, name) === isAcl);
  const kinds = change.kinds.filter((kind) => isLeft(kind, has));
  if (kinds.length === 0) return null;
  return { ...change, kinds, before: natural(change.before, sides.before), after: natural(change.after, sides.after), attributes };
}

function isLeft(kind: ChangeKind, has: (isAcl: boolean) => boolean): boolean {
  return (kind !== 'attributes' && kind !== 'acl') || has(kind === 'acl');
}

function natural(state: FileState | null, ids: NaturalIds): FileState | null {
  if (state === null) return null;
  const { uid, gid } = state;
  return { ...state, uid: uid === null ? null : ids.uid(uid), gid: gid === null ? null : ids.gid(gid) };
}

function translate({ name, before, after }: AttributeChange, sides: Parameters<typeof withNaturalOwners>[1]): AttributeChange {
  const value = (bytes: Uint8Array | null, ids: NaturalIds): Uint8Array | null => {
    if (bytes === null) return null;
    if (name === capabilityAttribute) return mapRootId(bytes, ids.uid);
    return Object.hasOwn(aclAttributes, name) ? mapAclIds(bytes, ids) : bytes;
  };
  return { name, before: value(before, sides.before), after: value(after, sides.after) };
}

function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  // Of a long value only the beginning is known.
  if (one === null || other === null || one.length >= 4096) return false;
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
