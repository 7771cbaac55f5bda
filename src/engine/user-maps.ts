import type { IdRange, UserFacts } from '../host/facts.ts';
import type { IdMapEntry, IdMaps } from '../rootfs/rootfs.ts';
import { idsPerSandbox } from '../spec/parse-number.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** A user, as far as the ids of its sandboxes depend on it. */
export type UserIds = Pick<UserFacts, 'uid' | 'gid' | 'subordinateUids' | 'subordinateGids'>;

/**
 * The ids of a user's sandboxes: the user's own as 0, followed by the subordinate ones, or only the own one if /etc/subuid and
 * /etc/subgid do not give both kinds.
 */
export function planUserMaps(user: UserIds, spec: Pick<SandboxSpec, 'uidBase' | 'gidBase'> = {}): IdMaps {
  if (!hasSubordinateIds(user)) return singleMaps(user);
  return {
    uidMap: userMap(user.uid, user.subordinateUids, spec.uidBase),
    gidMap: userMap(user.gid, user.subordinateGids, spec.gidBase),
  };
}

/** Whether /etc/subuid and /etc/subgid give the user both kinds. */
export function hasSubordinateIds({ subordinateUids, subordinateGids }: UserIds): boolean {
  return subordinateUids.length > 0 && subordinateGids.length > 0;
}

/** Only the user's own id. */
export function singleMaps({ uid, gid }: UserIds): IdMaps {
  return { uidMap: [{ inside: 0, outside: uid, count: 1 }], gidMap: [{ inside: 0, outside: gid, count: 1 }] };
}

function userMap(own: number, subordinate: readonly IdRange[], base: number | undefined): readonly IdMapEntry[] {
  if (base !== undefined) {
    const range = findRange(subordinate, base);
    return [{ inside: 0, outside: base, count: Math.min(idsPerSandbox, range === undefined ? 1 : range.start + range.count - base) }];
  }
  const map = [{ inside: 0, outside: own, count: 1 }];
  let inside = 1;
  for (const range of withoutOverlaps(own, subordinate)) {
    const count = Math.min(idsPerSandbox - inside, range.count);
    if (count === 0 || map.length === mostEntries) break;
    map.push({ inside, outside: range.start, count });
    inside += count;
  }
  return map;
}

/** As many lines as the kernel allows (user_namespaces(7)). */
const mostEntries = 340;

/** In file order, each id once and without `own`, because the kernel rejects a map that has an id twice. */
function withoutOverlaps(own: number, ranges: readonly IdRange[]): readonly IdRange[] {
  const taken: IdRange[] = [{ start: own, count: 1 }];
  const free: IdRange[] = [];
  for (const range of ranges) {
    const rest = taken.reduce<readonly IdRange[]>((parts, one) => parts.flatMap((part) => subtract(part, one)), [range]);
    free.push(...rest);
    taken.push(range);
  }
  return free;
}

function subtract(range: IdRange, taken: IdRange): readonly IdRange[] {
  const end = range.start + range.count;
  const before = Math.min(end, taken.start) - range.start;
  const from = Math.max(range.start, taken.start + taken.count);
  return [
    { start: range.start, count: before },
    { start: from, count: end - from },
  ].filter(({ count }) => count > 0);
}

/** The range with this id. */
export function findRange(ranges: readonly IdRange[], id: number): IdRange | undefined {
  return ranges.find(({ start, count }) => id >= start && id < start + count);
}
