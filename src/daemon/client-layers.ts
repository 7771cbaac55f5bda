import { join } from 'node:path';

import { isSubvolumeRoot, refusesUpperLayers } from '../host/filesystem.ts';
import type { MadeFile } from '../launch/launch.ts';
import { isAlive } from '../pool/holder.ts';
import { randomId } from '../pool/state/memory.ts';
import { formatLeaseName, parseLeaseName } from '../pool/state/state-file.ts';
import type { OverlayPart } from '../rootfs/rootfs.ts';
import { parseCloneDirectory } from '../storage/clones/layout.ts';
import type { ClientQuestions, Told } from './ask-client.ts';
import { leftToNode } from './client-root.ts';
import { askForState, askForStateDirectory, type LayeredRoot, layersPart, type StateClient } from './client-state.ts';

/** Throw-away layers over a directory, and their files. */
export interface ClientLayers {
  /** Of the clone: decimal digits. */
  readonly id: string;
  readonly part: OverlayPart;
  /** The client's launcher makes them, and removes them at the end in reverse order. */
  readonly files: readonly MadeFile[];
  /** What the client told, of its `tree` too. */
  readonly told: Told;
}

/**
 * Plans the layers of a client's run in the client's own state, as the overlay driver makes them. A run that finds what a dead run left is
 * left to the program in Node.
 */
export async function planLayers(
  root: LayeredRoot,
  tree: NonNullable<ClientQuestions['tree']>,
  client: StateClient,
): Promise<ClientLayers> {
  const { path: template, storage } = root;
  const { peer, ask, holder } = client;
  const state = await askForState(root, await askForStateDirectory(peer, ask), { tree }, client);
  const { told, layout, pool, lower, entries } = state;
  if (storage === undefined && isBetterCloned(told.status, template, layout.directory)) throw leftToNode;
  const [leased, retired, kept = []] = [pool.leased, pool.retired, pool.kept].map((path) => told.lists.get(path));
  if (hasRemains(entries, { leased, retired, kept }, holder.bootId)) throw leftToNode;
  const id = randomId(Date.now());
  const upperParent = layout.clone(id, 'live');
  return {
    id,
    told,
    part: layersPart(state, template, upperParent),
    files: [
      // Made before the layers, so that a run that cleans up after dead runs sees that these have a living holder.
      {
        kind: 'file',
        path: join(pool.leased, formatLeaseName(id, holder)),
        mode: 0o600,
        existing: 'refused',
        end: 'removed',
        content: '\n',
      },
      { kind: 'directory', path: upperParent, mode: 0o700, existing: 'refused', end: 'removed' },
      { kind: 'directory', path: join(upperParent, 'upper'), mode: lower.mode, existing: 'refused', end: 'stays' },
      { kind: 'directory', path: join(upperParent, 'work'), mode: 0o755, existing: 'refused', end: 'stays' },
      { kind: 'directory', path: join(upperParent, 'merged'), mode: 0o755, existing: 'refused', end: 'stays' },
    ],
  };
}

/** Whether something else than layers may be better: then the program in Node looks and chooses (`chooseStorage`). */
function isBetterCloned(status: Told['status'], template: string, layers: string): boolean {
  const lower = status.get(template);
  return (lower !== undefined && isSubvolumeRoot(lower)) || refusesUpperLayers(status.get(layers)?.magic ?? 0);
}

/** Each one costs a look at /proc, during which nobody else is served. */
const mostLeases = 256;

/** The names in the directories of the clones' states; undefined: there is none, so something has to be made first. */
interface StateNames {
  readonly leased: readonly string[] | undefined;
  readonly retired: readonly string[] | undefined;
  readonly kept: readonly string[];
}

/** Whether some layers or leases belong to no living run and no session, or are too many to check. */
function hasRemains(entries: readonly string[], { leased, retired, kept }: StateNames, bootId: string): boolean {
  if (leased === undefined || retired === undefined || retired.length > 0 || leased.length > mostLeases) return true;
  const known = new Set(kept);
  for (const name of leased) {
    const lease = parseLeaseName(name);
    if (lease === null || !isAlive(lease.holder, bootId)) return true;
    known.add(lease.id);
  }
  return entries.some((name) => {
    const clone = parseCloneDirectory(name);
    return clone !== null && (clone.stage === 'gone' || !known.has(clone.id));
  });
}
