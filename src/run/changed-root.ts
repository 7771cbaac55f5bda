import type { Facts } from '../host/facts.ts';
import { openLeasedChanges } from '../pool/lease/base.ts';
import type { Lease } from '../pool/lease/take.ts';
import type { Pool } from '../pool/pool.ts';
import { type Ownership, placeOf } from '../rootfs/rootfs.ts';
import type { ChangedTrees } from '../storage/driver.ts';
import type { GivenSession } from './given-session.ts';
import { judged, startTreeProgram, type TreeProgram } from './tree-program.ts';

/** Where isolate-tree sees what a root was made of, and the root or the layer that has what was changed. */
export const [baseInside, otherInside] = ['/base', '/other'] as const;

/** A root and what it was made of, while both can be read. */
export interface ChangedRoot {
  readonly form: ChangedTrees['form'];
  /** Starts isolate-tree, which sees both. */
  readonly start: (args: readonly string[], signal?: AbortSignal) => Promise<TreeProgram>;
  /** Both where this process reaches them, and how their files are owned; null: only isolate-tree sees them, with the ids of the sandbox. */
  readonly stored: (Pick<ChangedTrees, 'base' | 'other'> & { readonly facts: Facts; readonly ownership: Ownership }) | null;
}

/** Gives `action` a leased root and what it was made of. Throws the storage's error. */
export async function withChangedRoot<T>(
  pool: Pool,
  facts: Facts,
  { id, rootfs, onShelf }: Lease,
  action: (root: ChangedRoot) => Promise<T>,
): Promise<T> {
  const { base, other, form, close } = await openLeasedChanges(pool, id, onShelf?.seenAt ?? placeOf(rootfs));
  try {
    const [{ ownership }] = rootfs.parts;
    const seen = [
      { source: base, inside: baseInside, writable: false },
      { source: other, inside: otherInside, writable: false },
    ];
    const start: ChangedRoot['start'] = (args, signal) => startTreeProgram(facts, args, seen, signal);
    return await action({ form, start, stored: { facts, base, other, ownership } });
  } finally {
    await close();
  }
}

/** The same for a clone that the daemon handed over with what it was made of. */
export function givenRoot({ base, start }: GivenSession): ChangedRoot {
  if (base === null) throw new Error('What the clone was made of was not asked for.');
  const wanted = [
    { tree: 'base', inside: baseInside, writable: false },
    { tree: 'clone', inside: otherInside, writable: false },
  ] as const;
  return {
    form: { kind: 'trees', sameInodesSinceMs: base.sameInodesSinceMs },
    start: async (args, signal) => judged(await start(args, wanted, signal), signal),
    stored: null,
  };
}
