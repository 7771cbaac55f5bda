import type { PlanInput } from '../engine/engine.ts';
import type { Facts } from '../host/facts.ts';
import { ensureRuntimeDirectories } from '../pool/directories.ts';
import { type HolderId, readOwnHolder } from '../pool/holder.ts';
import { claimSlot, type IdSlot } from '../pool/claims/id-slots.ts';
import { type RuntimePaths, runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import { claimRun, type RunDescription } from '../pool/claims/runs.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import type { Rootfs } from '../rootfs/rootfs.ts';
import { isDirectoryClone, type RootRef } from '../spec/root-ref.ts';
import type { Release } from './give-back.ts';
import { findRuntimePlace, findStatePlace } from './own-places.ts';
import { idsPerSandbox } from '../spec/parse-number.ts';

/** What one run has of its own on this host. */
export type Place = Pick<PlanInput, 'runId' | 'idSlot' | 'sandboxDirectory'>;

/** Where this caller's state of this boot is. */
export function ownRuntimePaths(facts: { readonly user: Pick<Facts['user'], 'uid'> }): RuntimePaths {
  return runtimePaths(findRuntimePlace(facts.user.uid, callerEnvironment()).path);
}

/** Where this caller's state that outlives a boot is: clones of directories. */
export function ownStateDirectory(facts: { readonly user: Pick<Facts['user'], 'uid'> }): string {
  return findStatePlace(facts.user.uid, callerEnvironment()).path;
}

/**
 * Where the leases of a root's clones are. Those of directories' clones outlive a boot, as the clones do. Otherwise a user's runs with different values of
 * XDG_RUNTIME_DIR, as after su(1), would not see each other's leases and would remove each other's clones.
 */
export function leasePaths(root: RootRef, facts: Pick<Facts, 'user'>): RuntimePaths {
  const besideClones = facts.user.rights !== 'root' && isDirectoryClone(root);
  return besideClones ? runtimePaths(ownStateDirectory(facts)) : ownRuntimePaths(facts);
}

/** The directory over which a launch of this caller mounts: the system's for a clone from the daemon. */
export function ownSandboxDirectory(facts: Facts, { parts: [part] }: Rootfs): string {
  return part.kind === 'given' ? runtimePaths(systemRuntimeDirectory).sandbox : ownRuntimePaths(facts).sandbox;
}

export interface PlaceRequest {
  readonly facts: Facts;
  readonly rootfs: Rootfs;
  readonly description: RunDescription;
  /** Of a run that the daemon has claimed for this process; absent: of none. */
  readonly runId?: string | undefined;
  /** Actions that give the place back are added here. */
  readonly held: Release[];
}

/** A run id, a directory and, if the run has its own ids, an id range. */
export function claimPlace({ facts, rootfs, description, runId, held }: PlaceRequest): Place {
  const paths = ownRuntimePaths(facts);
  ensureRuntimeDirectories(paths, facts.user.uid);
  const holder = readOwnHolder();
  const id = runId ?? claimOwnRun(paths, { description, holder, held });
  const ids = claimIds(paths, facts, rootfs, holder);
  if (ids !== null) held.push({ giveBack: ids.release, atEnd: () => [ids.freeing] });
  return { runId: id, idSlot: ids?.slot ?? 0, sandboxDirectory: ownSandboxDirectory(facts, rootfs) };
}

function claimOwnRun(
  paths: RuntimePaths,
  { description, holder, held }: Pick<PlaceRequest, 'description' | 'held'> & { readonly holder: HolderId },
): string {
  const run = claimRun(paths, description, holder);
  held.push({ giveBack: run.remove, atEnd: () => [run.removal] });
  return run.runId;
}

/** The id range of a run of `holder`; null: it uses the caller's ids, or those of its files. */
export function claimIds(paths: RuntimePaths, facts: Facts, rootfs: Rootfs, holder: HolderId): IdSlot | null {
  const slots = Math.floor(Math.min(facts.user.sandboxUids.count, facts.user.sandboxGids.count) / idsPerSandbox);
  return facts.user.rights === 'root' && rootfs.parts[0].ownership.kind === 'natural' ? claimSlot(paths, slots, holder) : null;
}
