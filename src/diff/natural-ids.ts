import { statSync } from 'node:fs';

import type { NaturalId, NaturalIds } from '../changes/natural-owners.ts';
import type { IdMapEntry, Ownership } from '../rootfs/rootfs.ts';
import type { ChangedRoot } from '../run/changed-root.ts';
import { namespaceWithIds } from '../run/with-ids.ts';
import { idsPerSandbox } from '../spec/parse-number.ts';

/** What stat(2) says of an owner that a user namespace does not have. */
const overflowId = 65_534;

/** What the ids that isolate-tree prints of trees of this ownership are to the sandbox's root, in what it began with and in what it is. */
export function naturalIds(stored: ChangedRoot['stored']): { readonly before: NaturalIds; readonly after: NaturalIds } {
  const own: NaturalIds = { uid: (id) => id, gid: (id) => id };
  if (stored === null) return { before: own, after: own };
  const { facts, ownership, base } = stored;
  if (facts.user.rights === 'root') {
    const ids = idsOfRoot(ownership);
    return { before: ids, after: ids };
  }
  // isolate-tree has the ids of the sandbox. Whoever makes files there has one of them, but a template may be somebody else's.
  const { uidMap = [], gidMap = [] } = namespaceWithIds(facts) ?? {};
  const { uid, gid } = statSync(base);
  return { before: { uid: foreign(uidMap, uid) ?? own.uid, gid: foreign(gidMap, gid) ?? own.gid }, after: own };
}

function idsOfRoot(ownership: Ownership): NaturalIds {
  switch (ownership.kind) {
    case 'natural':
      return { uid: shifted(0), gid: shifted(0) };
    case 'shifted':
      return { uid: shifted(ownership.uidBase), gid: shifted(ownership.gidBase) };
    case 'mapped':
      return { uid: mapped(ownership.uidMap), gid: mapped(ownership.gidMap) };
  }
}

function shifted(base: number): NaturalId {
  return (id) => (id >= base && id - base < idsPerSandbox ? id - base : null);
}

function mapped(map: readonly IdMapEntry[]): NaturalId {
  return (id) => {
    const entry = map.find(({ outside, count }) => id >= outside && id - outside < count);
    return entry === undefined ? null : entry.inside + id - entry.outside;
  };
}

/** The ids of a template whose root belongs to somebody whom the namespace does not have; null: it has. */
function foreign(map: readonly IdMapEntry[], owner: number): NaturalId | null {
  return mapped(map)(owner) === null ? (id) => (id === overflowId ? null : id) : null;
}
