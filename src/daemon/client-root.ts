import type { HostDefaults } from '../config/runs/host-defaults.ts';
import { IsolateError } from '../error.ts';
import type { Facts, HostFacts, SandboxIds } from '../host/facts.ts';
import type { MadeFile } from '../launch/launch.ts';
import type { HolderId } from '../pool/holder.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import type { Rootfs } from '../rootfs/rootfs.ts';
import type { Place } from '../run/lifecycle.ts';
import type { RootView } from '../run/look-into-root.ts';
import type { Completed, Prepared } from '../run/prepared.ts';
import { claimIds } from '../run/place.ts';
import type { RunEvent } from '../run/run-event.ts';
import type { WantedSpec } from '../spec/spec.ts';
import type { CommandLine } from './command-line.ts';
import type { Held, LeaseOutcome } from './held.ts';
import type { Leases } from './leases.ts';
import type { RunGroups } from './run-groups.ts';
import type { Sessions } from './sessions.ts';
import { hasNested } from './settle-in-clone.ts';

/** What a run needs from the daemon. */
export interface RunServices {
  readonly commandLine: CommandLine;
  readonly leases: Pick<Leases, 'lease' | 'checkAccess'>;
  readonly sessions: Pick<Sessions, 'find'>;
  readonly paths: RuntimePaths;
  /** Whether the daemon maintains a pool of this template. */
  readonly maintains: (template: string) => boolean;
  /** What the settings of the host say about every user's runs. */
  readonly defaults: () => HostDefaults;
  /** Counts a run on a directory; the returned function uncounts it. Null: its user has as many as one user may have. */
  readonly countRun: (uid: number) => (() => void) | null;
  readonly groups: Pick<RunGroups, 'open'>;
  readonly host: HostFacts;
  /** The ids that the settings give root's sandboxes. */
  readonly sandboxIds: () => SandboxIds | null;
}

/** What belongs to a client alone while its run lives. */
export interface ClientLease extends Held {
  readonly rootfs: Rootfs;
  /** What its launcher makes; absent: nothing. */
  readonly files?: readonly MadeFile[];
}

/** What every run of a client has in addition to its root, until `held` ends. */
export function placeFor(
  { paths }: Pick<RunServices, 'paths'>,
  { facts, rootfs, runId, holder }: { readonly facts: Facts; readonly rootfs: Rootfs; readonly runId: string; readonly holder: HolderId },
  { defer }: Pick<Held, 'defer'>,
): Place {
  const ids = claimIds(paths, facts, rootfs, holder);
  // If the client may go on running, a refresh frees them when it is dead.
  if (ids !== null) defer((runsOn) => runsOn || ids.release());
  return { rootfs, runId, idSlot: ids?.slot ?? 0, sandboxDirectory: paths.sandbox };
}

/** How a client gets one kind of root; the steps of a `Way`. */
export interface ClientRoot<Lease extends ClientLease> {
  readonly lease: (prepared: Prepared, tell: (event: RunEvent) => void) => Promise<Lease>;
  readonly look: (lease: Lease, prepared: Prepared) => Promise<RootView>;
  readonly place: (lease: Lease, prepared: Completed, tell: (event: RunEvent) => void) => Promise<Place>;
  /** The run failed before it began; with an outcome it is reported. */
  readonly release: (outcome: LeaseOutcome | undefined) => void;
}

/** The run ends here because the program in Node has to do it. */
export const leftToNode = new Error('This run is for the program in Node.');

/**
 * Whether one bind is inside another at these targets, of which the binds' own come first. Only the client may look at what the outer
 * bind shows.
 */
export function showsNested({ binds }: Pick<WantedSpec, 'binds'>, places: readonly string[]): boolean {
  const targets = places.slice(0, binds.length);
  return hasNested(targets) || places.slice(binds.length).some((place) => targets.some((target) => place.startsWith(`${target}/`)));
}

/** Throws `leftToNode` if only the client may look. */
export function checkNotNested(spec: Pick<WantedSpec, 'binds' | 'workingDirectory'>, { targets, defaultDirectory }: RootView): void {
  const own = spec.workingDirectory === undefined && defaultDirectory !== undefined ? [defaultDirectory] : [];
  const places = [...targets, ...own].map((found) => (found instanceof IsolateError ? '/' : found.path));
  if (showsNested(spec, places)) throw leftToNode;
}
