import { groupLimits } from '../engine/cgroup.ts';
import { rootfsOf } from '../rootfs/rootfs.ts';
import { targetsToLookAt } from '../run/settle-targets.ts';
import { completeSpec } from '../spec/complete-spec.ts';
import { rootName } from '../spec/root-ref.ts';
import { checkNotNested, type ClientRoot, placeFor, type RunServices } from './client-root.ts';
import type { Connection } from './connection.ts';
import { handOver } from './hand-over.ts';
import type { DaemonLease } from './lease.ts';
import { lookIntoClone } from './settle-in-clone.ts';

/** A clone from a pool, which users get as a tree with their own ids. */
export function cloneRoot(connection: Connection, services: RunServices): ClientRoot<DaemonLease> {
  const { peer } = connection;
  return {
    lease: async ({ spec, engine, facts }, tell) => {
      connection.lease = await services.leases.lease({
        template: rootName(spec.root),
        peer,
        engine: engine.name,
        command: spec.command ?? [],
        ...(facts.cgroups.byDaemon === true ? { limits: spec.limits } : {}),
        ...(spec.root.session === undefined ? {} : { wanted: { kind: 'enter', name: spec.root.session, looks: false } as const }),
        waitMs: spec.waitMs,
        signal: connection.closed,
        onLongWait: (message) => tell({ kind: 'waiting', message }),
      });
      return connection.lease;
    },
    look: async (lease, { spec, engine: { capabilities } }) => {
      const view = await lookIntoClone(lease, targetsToLookAt(spec, capabilities), capabilities);
      checkNotNested(spec, view);
      if (spec.command === null) lease.showCommand(completeSpec(spec, view.defaults).command);
      return view;
    },
    place: async (lease, { spec, facts, engine: { capabilities } }) => {
      const { part, tree } = handOver(lease, peer);
      connection.trees = [tree];
      const groups = facts.cgroups.byDaemon === true ? services.groups.open(lease, groupLimits(spec.limits, capabilities)) : undefined;
      const place = placeFor(services, { facts, rootfs: rootfsOf(part), runId: lease.run.runId, holder: lease.pool.holder }, lease);
      return groups === undefined ? place : { ...place, groups };
    },
    release: (outcome) => {
      connection.lease?.release(outcome);
      if (outcome === undefined) connection.lease = null;
    },
  };
}
