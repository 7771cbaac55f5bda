import type { CloneInfo, CreateOptions } from '../../storage/driver.ts';
import type { Rootfs } from '../../rootfs/rootfs.ts';
import type { FreshEntry, KeptEntry, LeasedEntry, PoolState, RetiredEntry } from './pool-state.ts';

/** How long a clone without our mark is left alone, because it may be being made. */
const unmarkedMs = 60_000;

/** What must be done so that every clone is in exactly one state. */
export interface Reconciliation {
  /** Good fresh clones, in the order in which they are replaced: those of older snapshots, then the oldest. */
  readonly fresh: readonly CloneInfo[];
  readonly leased: readonly LeasedEntry[];
  readonly retireFresh: readonly { readonly id: string; readonly warning: string | null }[];
  readonly retireLeased: readonly LeasedEntry[];
  /** Sessions whose run died. */
  readonly keepLeased: readonly LeasedEntry[];
  /** The storage does not keep them any more. */
  readonly retireKept: readonly KeptEntry[];
  /** State without a clone. */
  readonly dropFresh: readonly FreshEntry[];
  readonly dropLeased: readonly LeasedEntry[];
  readonly dropKept: readonly KeptEntry[];
  readonly dropRetired: readonly RetiredEntry[];
  /** Clones to destroy: retired, without state, or left by a crash. */
  readonly destroy: readonly CloneInfo[];
}

/** What clones are compared with. */
export interface Measure {
  /** Name of the newest source; null: unknown. */
  readonly newest: string | null;
  /** Those that fresh clones must have. */
  readonly owners: CreateOptions['owners'];
  readonly nowMs: number;
}

/**
 * Compares the existing clones with their state; pure. The storage's list decides what exists and what is ours; state files only decide
 * whether a clone stays or is retired.
 */
export function reconcile(clones: readonly CloneInfo[], state: PoolState, { newest, owners, nowMs }: Measure): Reconciliation {
  const byId = new Map(clones.filter(({ kept }) => !kept).map((clone) => [clone.id, clone]));
  const keptIds = new Set(clones.flatMap(({ id, kept }) => (kept ? [id] : [])));
  const fresh: { clone: CloneInfo; createdMs: number }[] = [];
  const retireFresh: { id: string; warning: string | null }[] = [];
  const destroy = new Map<string, CloneInfo>();

  for (const entry of state.fresh) {
    const clone = byId.get(entry.id);
    if (clone === undefined) continue;
    const warning = whyUnusable(entry, clone, owners);
    if (warning === undefined) fresh.push({ clone, createdMs: entry.state?.createdMs ?? 0 });
    else {
      retireFresh.push({ id: entry.id, warning });
      destroy.set(entry.id, clone);
    }
  }
  const alive = state.leased.filter((entry) => entry.alive);
  const dead = state.leased.filter((entry) => !entry.alive);
  for (const { id } of [...dead, ...state.kept, ...state.retired]) {
    const clone = byId.get(id);
    if (clone !== undefined) destroy.set(id, clone);
  }
  const known = new Set([...state.fresh, ...state.leased, ...state.kept, ...state.retired].map(({ id }) => id));
  for (const clone of byId.values()) {
    if (!known.has(clone.id) && (clone.marked || isOld(clone, nowMs))) destroy.set(clone.id, clone);
  }

  const isStale = (clone: CloneInfo): number => (newest !== null && clone.source !== newest ? 0 : 1);
  fresh.sort((left, right) => isStale(left.clone) - isStale(right.clone) || left.createdMs - right.createdMs);
  const isMissing = ({ id }: { readonly id: string }): boolean => !byId.has(id);
  const isKept = ({ id }: { readonly id: string }): boolean => keptIds.has(id);
  return {
    fresh: fresh.map(({ clone }) => clone),
    leased: alive,
    retireFresh,
    retireLeased: dead.filter((entry) => !isMissing(entry)),
    keepLeased: dead.filter(isKept),
    retireKept: state.kept.filter((entry) => !isMissing(entry)),
    dropFresh: state.fresh.filter(isMissing),
    dropLeased: dead.filter((entry) => isMissing(entry) && !isKept(entry)),
    dropKept: state.kept.filter((entry) => isMissing(entry) && !isKept(entry)),
    dropRetired: state.retired.filter(isMissing),
    destroy: [...destroy.values()],
  };
}

/** Why a fresh clone must not be leased; undefined: it may. A null warning: nothing that anybody needs to know. */
function whyUnusable(entry: FreshEntry, clone: CloneInfo, owners: CreateOptions['owners']): string | null | undefined {
  if (entry.state === null) return `The state file of fresh clone ${entry.id} cannot be trusted; the clone is retired.`;
  if (entry.state.guid !== clone.guid) return `Fresh clone ${entry.id} is not the one its state file names; it is retired.`;
  // The settings now give sandboxes other ids.
  if (!hasIds(entry.state.rootfs, owners)) return null;
  // After a restart of the storage or the host.
  return entry.inPlace && clone.marked ? undefined : null;
}

function hasIds({ parts: [{ ownership }] }: Rootfs, owners: CreateOptions['owners']): boolean {
  if (owners?.kind !== 'shifted' || ownership.kind !== 'shifted') return true;
  return ownership.uidBase === owners.uidBase && ownership.gidBase === owners.gidBase;
}

function isOld(clone: CloneInfo, nowMs: number): boolean {
  return clone.createdMs !== null && nowMs - clone.createdMs > unmarkedMs;
}
