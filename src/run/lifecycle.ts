import type { PlanInput } from '../engine/engine.ts';
import type { Launch } from '../launch/launch.ts';
import type { Rootfs } from '../rootfs/rootfs.ts';
import { completeSpec } from '../spec/complete-spec.ts';
import type { RunRequest } from '../spec/request.ts';
import type { RootView } from './look-into-root.ts';
import { describeGivenAway } from './notices.ts';
import type { Completed, Prepared } from './prepared.ts';
import type { RunEvent, WayName } from './run-event.ts';
import { settleInView } from './settle-targets.ts';

/** What a run has of its own besides its root, as the plan needs it. */
export type Place = Pick<PlanInput, 'rootfs' | 'groups' | 'runId' | 'idSlot' | 'sandboxDirectory'>;

/** A decided run, with everything that it holds. */
export interface Planned<Lease> {
  readonly prepared: Completed;
  readonly lease: Lease;
  readonly place: Place;
  readonly launch: Launch;
}

/**
 * One way of a run: for whom it is decided, whose clone it gets, and who carries out the launch. The steps are called in the order of
 * these members, each once; `end` gives back what they acquired.
 */
export interface Way<Lease extends { readonly rootfs: Rootfs }, End> {
  readonly name: WayName;
  readonly tell: (event: RunEvent) => void;
  /** Throws the first reason why the run is impossible. Nothing is leased yet. */
  readonly prepare: (request: RunRequest) => Promise<Prepared>;
  /** A root for this run alone. */
  readonly lease: (prepared: Prepared) => Promise<Lease>;
  /** What is in the root where the run mounts, and what its template says of runs. */
  readonly look: (lease: Lease, prepared: Prepared) => Promise<RootView>;
  readonly place: (lease: Lease, prepared: Completed) => Promise<Place>;
  /** Starts the launch; settles when nothing of the run is left. */
  readonly carry: (planned: Planned<Lease>) => Promise<End>;
  /** Gives everything back, whatever happened; returns how the run ended, or throws what prevented it. */
  readonly end: (run: Promise<End>) => Promise<End>;
}

/** A run from its request to its end. */
export function live<Lease extends { readonly rootfs: Rootfs }, End>(request: RunRequest, way: Way<Lease, End>): Promise<End> {
  // While it runs, nothing from the earlier steps is kept in memory.
  return way.end(plan(request, way).then((planned) => way.carry(planned)));
}

/** The steps up to the launch. */
export async function plan<Lease extends { readonly rootfs: Rootfs }>(
  request: RunRequest,
  way: Omit<Way<Lease, unknown>, 'carry' | 'end'>,
): Promise<Planned<Lease>> {
  const prepared = await way.prepare(request);
  const { engine, facts } = prepared;
  for (const message of describeGivenAway(prepared)) way.tell({ kind: 'notice', message });
  const lease = await way.lease(prepared);
  const view = await way.look(lease, prepared);
  const spec = completeSpec(prepared.spec, view.defaults);
  const completed = { ...prepared, spec };
  const settled = settleInView(spec, view, { rootfs: lease.rootfs, facts, capabilities: engine.capabilities });
  for (const message of settled.warnings) way.tell({ kind: 'warning', message });
  const place = await way.place(lease, completed);
  const launch = engine.plan({ spec: settled.spec, findings: settled.findings, facts, ...place });
  way.tell({ kind: 'way', way: way.name });
  const { root } = spec;
  if (root.kind === 'directory' && root.write === 'clone') way.tell({ kind: 'storage', storage: root.storage ?? 'overlay' });
  return { prepared: completed, lease, place, launch };
}
