import { homedir } from 'node:os';
import { join } from 'node:path';

import type { PlanInput, Rootfs } from '../engine/engine.ts';
import { rangeSize } from '../engine/identity.ts';
import type { HostFacts } from '../host/facts.ts';
import { ensureRuntimeDirectories } from '../pool/directories.ts';
import { type HolderId, readOwnHolder } from '../pool/holder.ts';
import { claimSlot } from '../pool/id-slots.ts';
import { type RuntimePaths, runtimePaths, runtimeRoot } from '../pool/paths.ts';
import { claimRun, type RunDescription } from '../pool/runs.ts';
import { giveBack } from './give-back.ts';

/** What one run has to itself on this host. */
export type Place = Pick<PlanInput, 'runId' | 'idSlot' | 'sandboxDirectory' | 'runDirectory'>;

/** Where this caller's state of this boot lives. */
export function ownRuntimePaths(facts: Pick<HostFacts, 'user'>): RuntimePaths {
  return runtimePaths(runtimeRoot(facts.user.uid, process.env, homedir()));
}

/** Where this caller's state that outlives a boot lives: layers of overlays. */
export function ownStateDirectory(facts: { readonly user: Pick<HostFacts['user'], 'uid'> }): string {
  return facts.user.uid === 0 ? '/var/lib/isolate' : join(homedir(), '.local/state/isolate');
}

/** Whose run it is, and where its state lives. */
export interface PlaceRequest {
  readonly facts: HostFacts;
  readonly rootfs: Rootfs;
  readonly description: RunDescription;
  readonly warn: (message: string) => void;
  /** Absent: this caller's. */
  readonly paths?: RuntimePaths;
  /** Whose life is the run's; absent: this process's. */
  readonly holder?: HolderId;
}

/** Gives `action` a run id, a directory and, where ids are a run's own, an id range; all are given back after it. */
export async function withPlace<T>(request: PlaceRequest, action: (place: Place) => Promise<T>): Promise<T> {
  if (request.paths === undefined) ensureRuntimeDirectories(ownRuntimePaths(request.facts), request.facts.user.uid);
  const { place, release } = claimPlace(request);
  try {
    return await action(place);
  } finally {
    await release();
  }
}

/** The same for a run that outlives the call. Its directories have to be there. */
export function claimPlace(request: PlaceRequest): { readonly place: Place; readonly release: () => Promise<void> } {
  const { facts, rootfs, warn, paths = ownRuntimePaths(facts), holder = readOwnHolder() } = request;
  const run = claimRun(paths, request.description, holder);
  try {
    const slots = Math.floor(Math.min(facts.user.sandboxUids.count, facts.user.sandboxGids.count) / rangeSize);
    const ids = facts.user.uid === 0 && rootfs.ownership.kind === 'natural' ? claimSlot(paths, slots, holder) : null;
    return {
      place: { runId: run.runId, idSlot: ids?.slot ?? 0, sandboxDirectory: paths.sandbox, runDirectory: run.directory },
      release: async () => {
        if (ids !== null) await giveBack(ids.release, warn);
        await giveBack(run.remove, warn);
      },
    };
  } catch (error) {
    run.remove();
    throw error;
  }
}
