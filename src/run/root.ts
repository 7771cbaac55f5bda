import { existsSync, statSync } from 'node:fs';

import type { HostFacts } from '../host/facts.ts';
import { canIdmap } from '../host/probe.ts';
import { describeWait, leaseClone } from '../pool/lease/lease.ts';
import { poolPaths, type RuntimePaths } from '../pool/paths.ts';
import { findPoolFiles, openPool, openPoolFiles, type Pool } from '../pool/pool.ts';
import { hasRefresher, isToldFirst } from '../pool/claims/refresher.ts';
import { type Lease, takeFreshClone } from '../pool/lease/take.ts';
import { runCommand } from '../process/command.ts';
import type { RootSource, SandboxSpec } from '../spec/spec.ts';
import type { StorageDriver } from '../storage/driver.ts';
import { openStorage } from '../storage/registry.ts';
import type { Handed } from './daemon-lease.ts';
import { giveBack } from './give-back.ts';
import { claimOverlayState } from './overlay-state.ts';
import { leasePaths, ownRuntimePaths, ownStateDirectory } from './place.ts';
import { removeTree } from './remove-tree.ts';

export interface RootOptions {
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal | undefined;
  /** Told once of a wait that takes long, what for. */
  readonly onWaiting: (message: string) => void;
  /** Told what its user may want to change. One full sentence. */
  readonly onNotice: (message: string) => void;
}

/** Gives `action` a root that is its own, as `spec` wants it, and takes it back afterwards, whatever happens. */
export async function withRoot<T>(
  spec: SandboxSpec,
  facts: HostFacts,
  options: RootOptions,
  action: (lease: Lease & { readonly handed?: Handed }) => Promise<T>,
): Promise<T> {
  const lease = await leaseRoot(spec, facts, options);
  try {
    return await action(lease);
  } finally {
    await giveBack(lease.release, options.warn);
    if (spec.root.kind === 'zfs' && facts.user.uid === 0) await tidyBehind(spec.root.dataset, facts, options);
  }
}

async function tidyBehind(template: string, facts: HostFacts, { warn }: RootOptions): Promise<void> {
  const { tidyUp } = await import('../pool/lease/tidy.ts');
  await giveBack(() => tidyUp(findPoolFiles({ template, runtime: ownRuntimePaths(facts) })), warn);
}

/** Storage with clones is root's; for others the daemon takes them. */
async function leaseRoot(spec: SandboxSpec, facts: HostFacts, options: RootOptions): Promise<Lease> {
  if (spec.root.kind === 'zfs' && facts.user.uid !== 0) {
    const { leaseFromDaemon } = await import('./daemon-lease.ts');
    return await leaseFromDaemon(spec, spec.root.dataset, { ...options, limited: facts.cgroups.byDaemon === true });
  }
  return takeReady(spec.root, facts, options) ?? (await leaseFromStorage(spec, facts, options));
}

/** A clone that lies ready is taken without opening its storage, which would run a command of it. */
function takeReady(root: RootSource, facts: HostFacts, { warn }: RootOptions): Lease | null {
  if (root.kind !== 'zfs') return null;
  const runtime = leasePaths(root, facts);
  return hasPool(root.dataset, runtime) ? takeFreshClone(openPoolFiles({ template: root.dataset, runtime, warn })) : null;
}

async function leaseFromStorage(spec: SandboxSpec, facts: HostFacts, options: RootOptions): Promise<Lease> {
  const pool = await openRootPool(spec.root, facts, options);
  return await leaseClone(pool, {
    waitMs: spec.waitMs,
    onWait: () => {
      if (!hasRefresher(pool) && isToldFirst(pool)) options.onNotice(describeNeglect(pool.template));
    },
    onSlow: (making) => options.onWaiting(describeWait(pool.template, making)),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

function describeNeglect(template: string): string {
  return `Nothing refreshes the pool of ${template}, so this run makes its own clone. Start the daemon, isolate watch or the units to have clones ready.`;
}

export interface OpenOptions extends Pick<RootOptions, 'warn'> {
  /** Whether it may be the pool of a template that is gone, if that left clones. */
  readonly onlyCleanUp?: boolean;
  /** As in `RootOptions`. */
  readonly onWaiting?: ((message: string) => void) | undefined;
}

/** The pool behind a root: for `dir` and `overlay` drivers one that holds nothing ahead. */
export async function openRootPool(
  root: RootSource,
  facts: HostFacts,
  { warn, onlyCleanUp = false, onWaiting }: OpenOptions,
): Promise<Pool> {
  const driver = await openRootStorage(root, facts, onWaiting);
  const runtime = leasePaths(root, facts);
  // Nothing is left behind for a template that does not exist.
  if (!hasPool(driver.template, runtime) && !(onlyCleanUp && (await driver.list()).length > 0)) await driver.probe();
  if (root.kind === 'directory' && root.ephemeral) claimOverlayState(ownStateDirectory(facts));
  const { sandboxUids, sandboxGids } = facts.user;
  return openPool({
    driver,
    runtime,
    // Where clones cannot be mounted with other ids, their files get them while they are made.
    shift: driver.capabilities.idmappedMounts ? null : { kind: 'shifted', uidBase: sandboxUids.start, gidBase: sandboxGids.start },
    cgroupDirectories: cgroupDirectories(facts.cgroups),
    warn,
  });
}

function hasPool(template: string, runtime: RuntimePaths): boolean {
  return existsSync(poolPaths(runtime, template).directory);
}

/** Where groups of dead runs may lie; one hierarchy may have several controllers. */
function cgroupDirectories({ cpu, memory, pids, others }: HostFacts['cgroups']): string[] {
  const directories = [cpu, memory, pids, ...others].map((place) => place?.directory);
  return [...new Set(directories.filter((directory) => directory !== undefined))];
}

function openRootStorage(root: RootSource, facts: HostFacts, onWaiting?: (message: string) => void): Promise<StorageDriver> {
  return openStorage(root, {
    tools: facts.tools,
    run: runCommand,
    stateDirectory: ownStateDirectory(facts),
    canIdmap: (path) => canIdmap(path, statSync(path)),
    removeTree: (path) => removeTree(path, facts),
    onWaiting,
  });
}
