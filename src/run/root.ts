import { existsSync, statSync } from 'node:fs';

import type { Facts } from '../host/facts.ts';
import { canIdmap } from '../host/path-facts.ts';
import { describeWait, leaseClone } from '../pool/lease/lease.ts';
import { poolPaths, type RuntimePaths } from '../pool/paths.ts';
import { findPoolFiles, openPool, openPoolFiles, type Pool, type PoolFiles } from '../pool/pool.ts';
import { hasRefresher, isToldFirst } from '../pool/claims/refresher.ts';
import { type Lease, takeFreshClone } from '../pool/lease/take.ts';
import { tidyUp, tidyUpByLauncher } from '../pool/lease/tidy.ts';
import { openShelf, type Shelf } from '../pool/shelf.ts';
import { runCommand } from '../process/command.ts';
import type { RootRef } from '../spec/root-ref.ts';
import type { WantedSpec } from '../spec/spec.ts';
import type { StorageDriver } from '../storage/driver.ts';
import type { ChangedRoot } from './changed-root.ts';
import { openStorage, sharedDirectory, type StorageOptions } from '../storage/registry.ts';
import type { Handed } from './daemon-lease.ts';
import { copyByReflinks } from './copy-by-reflinks.ts';
import { claimCloneState } from './clone-state.ts';
import { directoryRootfs } from './directory-root.ts';
import type { Release } from './give-back.ts';
import type { RunEvent } from './run-event.ts';
import { leasePaths, ownRuntimePaths, ownStateDirectory } from './place.ts';
import { measureTree, removeTree } from './remove-tree.ts';
import { runWithIds } from './with-ids.ts';

/** A lease of this process; that of a clone from the daemon has more. `id`: of the clone; null: there is none. */
export type RunLease = Omit<Lease, 'id'> & {
  readonly id: string | null;
  readonly handed?: Handed;
  readonly giveBack?: Release['giveBack'];
  /** Of a run that tells what was changed (`diff`). */
  readonly withChanges?: (action: (root: ChangedRoot) => Promise<void>) => Promise<void>;
};

export interface RootOptions {
  /** Actions that give the root back are added here. */
  readonly held: Release[];
  readonly tell: (event: RunEvent) => void;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal | undefined;
  /** As in `OwnClient`. */
  readonly shelf: number | null;
}

/** A root for this run alone, as `spec` wants it. Root takes clones from storage; for other users the daemon does. */
export async function leaseRoot(spec: WantedSpec, facts: Facts, options: RootOptions): Promise<RunLease> {
  const { root } = spec;
  const lease = await takeRoot(spec, facts, options);
  if (root.kind === 'volume' && facts.user.rights === 'root') options.held.push(tidying(root.locator, facts));
  options.held.push({ giveBack: lease.giveBack ?? lease.release, atEnd: lease.atEnd });
  return lease;
}

async function takeRoot(spec: WantedSpec, facts: Facts, options: RootOptions): Promise<RunLease> {
  const { root, keep } = spec;
  // Another user's clones of datasets and own layers have their names in different places.
  if (typeof keep?.name === 'string' && facts.user.rights === 'user') await (await import('./callers-index.ts')).refuseTaken(keep.name);
  if (root.kind === 'directory' && root.write === 'direct') return { ...nothingHeld, rootfs: directoryRootfs(root.path) };
  if (root.kind !== 'volume' || facts.user.rights === 'root') {
    if (root.session !== undefined || keep !== undefined || spec.diff === true) return await takeFromPool(spec, facts, options);
    return (await takeReady(root, facts, options)) ?? (await leaseFromStorage(spec, facts, options));
  }
  const { leaseFromDaemon } = await import('./daemon-lease.ts');
  const onWaiting = (message: string): void => options.tell({ kind: 'waiting', message });
  const lease = await leaseFromDaemon(spec, root.locator, { signal: options.signal, onWaiting, limited: facts.cgroups.byDaemon === true });
  const kept = keep === undefined ? lease : (await import('./keep-root.ts')).tellKept(keep, lease, options.tell);
  if (spec.diff !== true) return kept;
  const [{ givenRoot }, { givenTrees }] = await Promise.all([import('./changed-root.ts'), import('./given-session.ts')]);
  const { leased, connection } = lease.handed;
  return { ...kept, withChanges: (action) => action(givenRoot(givenTrees(facts, leased, connection.handOver()))) };
}

/** A root with which more is done than to throw it away: that of a session, one that becomes one, and one whose changes are told. */
async function takeFromPool(spec: WantedSpec, facts: Facts, options: RootOptions): Promise<RunLease> {
  const pool = await openRunPool(spec, facts, options);
  try {
    const lease = await takeKept(pool, spec, facts, options);
    if (spec.diff !== true) return lease;
    const { withChangedRoot } = await import('./changed-root.ts');
    return { ...lease, withChanges: (action) => withChangedRoot(pool, facts, lease, action) };
  } finally {
    pool.shelf.end();
  }
}

async function takeKept(pool: Pool, spec: WantedSpec, facts: Facts, options: RootOptions): Promise<Lease & Pick<RunLease, 'giveBack'>> {
  const { root, keep } = spec;
  if (root.session === undefined && keep === undefined) return await leaseFrom(pool, spec, options);
  const { enterSession, keepRoot } = await import('./keep-root.ts');
  const keeping = { pool, facts, tell: options.tell };
  if (root.session !== undefined) return await enterSession(spec, root.session, keeping);
  const lease = await leaseFrom(pool, spec, options);
  if (keep === undefined) return lease;
  return await keepRoot(spec, keep, lease, keeping).catch(async (error: unknown) => {
    await lease.release();
    throw error;
  });
}

/** A run on a directory itself has nothing to give back. */
const nothingHeld = { id: null, release: async () => {}, atEnd: () => [] } as const;

/** After the lease has been given back, so that the clone may be destroyed. */
function tidying(template: string, facts: Facts): Release {
  const pool = (): PoolFiles => findPoolFiles({ template, runtime: ownRuntimePaths(facts) });
  return { giveBack: () => tidyUp(pool()), atEnd: () => tidyUpByLauncher(pool()) };
}

/** A fresh clone is taken without opening its storage, which would run one of its commands. */
async function takeReady(root: RootRef, facts: Facts, options: RootOptions): Promise<Lease | null> {
  if (root.kind !== 'volume') return null;
  const runtime = leasePaths(root, facts);
  if (!hasPool(root.locator, runtime)) return null;
  const shelf = openRunShelf(runtime, facts, options);
  return await takeFreshClone(openPoolFiles({ template: root.locator, runtime, shelf, warn: options.warn })).finally(shelf.end);
}

function openRunShelf({ shelf: directory }: RuntimePaths, { files: { gate } }: Facts, { shelf: root, warn }: RootOptions): Shelf {
  return openShelf({ gate, directory, root, warn });
}

async function leaseFromStorage(spec: WantedSpec, facts: Facts, options: RootOptions): Promise<Lease> {
  const pool = await openRunPool(spec, facts, options);
  return await leaseFrom(pool, spec, options).finally(pool.shelf.end);
}

async function openRunPool({ root }: WantedSpec, facts: Facts, options: RootOptions): Promise<Pool> {
  const { tell, warn } = options;
  const onWaiting = (message: string): void => tell({ kind: 'waiting', message });
  const shelf = root.kind === 'volume' ? { shelf: openRunShelf(leasePaths(root, facts), facts, options) } : {};
  return await openRootPool(root, facts, { warn, onWaiting, ...shelf });
}

async function leaseFrom(pool: Pool, { waitMs }: WantedSpec, { tell, signal }: RootOptions): Promise<Lease> {
  return await leaseClone(pool, {
    waitMs,
    onWait: () => {
      if (!hasRefresher(pool) && isToldFirst(pool)) tell({ kind: 'notice', message: describeNeglect(pool.template) });
    },
    onSlow: (making) => tell({ kind: 'waiting', message: describeWait(pool.template, making) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function describeNeglect(template: string): string {
  return `Nothing refreshes the pool of ${template}, so this run makes its own clone. Start the daemon, isolate watch or the units to have clones ready.`;
}

export interface OpenOptions extends Pick<RootOptions, 'warn'> {
  /** Whether it may be the pool of a template that is gone, if that left clones. */
  readonly onlyCleanUp?: boolean;
  /** Called once with the reason of a long wait. */
  readonly onWaiting?: ((message: string) => void) | undefined;
  /** Absent: one of the pool's own, for the caller to end. */
  readonly shelf?: Shelf;
}

/** The pool of a root that is cloned; those of directories have no fresh clones. */
export async function openRootPool(
  root: RootRef,
  facts: Facts,
  { warn, onlyCleanUp = false, onWaiting, shelf }: OpenOptions,
): Promise<Pool> {
  const driver = await openRootStorage(root, facts, { onWaiting, mayBeGone: onlyCleanUp });
  const runtime = leasePaths(root, facts);
  // So that nothing is left behind for a template that does not exist.
  if (!hasPool(driver.template, runtime) && !(onlyCleanUp && (await driver.list()).length > 0)) await driver.probe();
  if (root.kind === 'directory') claimCloneState(sharedDirectory(root, ownStateDirectory(facts)));
  const { sandboxUids, sandboxGids } = facts.user;
  return openPool({
    driver,
    runtime,
    // If clones cannot be mounted with other ids, their files have these ids.
    owners: driver.capabilities.idmappedMounts ? null : { kind: 'shifted', uidBase: sandboxUids.start, gidBase: sandboxGids.start },
    cgroupDirectories: cgroupDirectories(facts.cgroups),
    ...(root.kind === 'volume' ? { shelf: shelf ?? openShelf({ gate: facts.files.gate, directory: runtime.shelf, warn }) } : {}),
    warn,
  });
}

export function hasPool(template: string, runtime: RuntimePaths): boolean {
  return existsSync(poolPaths(runtime, template).directory);
}

/** Where cgroups of dead runs may be; a hierarchy may have several controllers. */
function cgroupDirectories({ cpu, memory, pids, others }: Facts['cgroups']): string[] {
  const directories = [cpu, memory, pids, ...others].map((place) => place?.directory);
  return [...new Set(directories.filter((directory) => directory !== undefined))];
}

/** The driver of a root that is cloned. Throws as `openStorage`. */
export function openRootStorage(
  root: RootRef,
  facts: Facts,
  options: Pick<StorageOptions, 'onWaiting' | 'mayBeGone'>,
): Promise<StorageDriver> {
  return openStorage(root, {
    tools: facts.tools,
    run: runCommand,
    stateDirectory: ownStateDirectory(facts),
    canIdmap: (path) => canIdmap(path, statSync(path)),
    removeTree: (path) => removeTree(path, facts),
    measureTree: (path) => measureTree(path, facts),
    copyTree: (from, to) => copyByReflinks(facts, from, to),
    runWithIds: (command) => runWithIds(command, facts),
    tree: facts.files.tree,
    ...options,
  });
}
