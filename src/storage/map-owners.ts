import type { ChangedOwnership, IdMapEntry, IdMaps, StoredOwnership } from '../rootfs/rootfs.ts';
import { idsPerSandbox } from '../spec/parse-number.ts';
import { changeOwners } from './change-owners.ts';

/** The ids that files get, as maps. */
export function mapsOf(owners: ChangedOwnership): IdMaps {
  if (owners.kind === 'mapped') return owners;
  const { uidBase, gidBase } = owners;
  const range = (outside: number): readonly IdMapEntry[] => [{ inside: 0, outside, count: idsPerSandbox }];
  return { uidMap: range(uidBase), gidMap: range(gidBase) };
}

/**
 * Gives every file of the tree at `root`, owned according to `current`, the owner that a user namespace with these maps shows as the
 * natural one. Ids that are not in the maps are not changed; the namespace shows them as nobody. An interrupted walk leaves a useless
 * tree. Throws the reason of `signal`.
 */
export async function mapOwners(root: string, current: StoredOwnership, maps: IdMaps, signal?: AbortSignal): Promise<void> {
  const [uidBase, gidBase] = current.kind === 'natural' ? [0, 0] : [current.uidBase, current.gidBase];
  const change = { uid: (id: number) => translate(id, uidBase, maps.uidMap), gid: (id: number) => translate(id, gidBase, maps.gidMap) };
  await changeOwners(root, change, signal);
}

function translate(id: number, base: number, map: readonly IdMapEntry[]): number {
  const natural = id - base;
  if (natural < 0 || natural >= idsPerSandbox) return id;
  const entry = map.find(({ inside, count }) => natural >= inside && natural - inside < count);
  return entry === undefined ? id : entry.outside + (natural - entry.inside);
}
