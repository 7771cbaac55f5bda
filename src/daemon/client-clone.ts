import { type Rootfs, rootfsOf } from '../rootfs/rootfs.ts';
import { claimIds } from '../run/place.ts';
import type { RunEvent } from '../run/run-event.ts';
import { targetsToLookAt } from '../run/settle-targets.ts';
import { rootName } from '../spec/root-ref.ts';
import { checkNotNested, type ClientRoot, type RunServices } from './client-root.ts';
import type { Connection } from './connection.ts';
import type { DaemonLease } from './lease.ts';
import { lookIntoClone } from './settle-in-clone.ts';

/** A clone of a pool, which users get as a tree with their own ids. */
export function cloneRoot(connection: Connection, services: RunServices): ClientRoot<DaemonLease> {
  const { peer } = connection;
  return {
    lease: async ({ spec, engine, facts }, tell) => {
      connection.lease = await services.leases.lease({
        template: rootName(spec.root),
        peer,
        engine: engine.name,
        command: spec.command,
        ...(facts.cgroups.byDaemon === true ? { limits: spec.limits } : {}),
        waitMs: spec.waitMs,
        signal: connection.closed,
        onLongWait: (message) => tell({ kind: 'waiting', message }),
      });
      return connection.lease;
    },
    look: async (lease, { spec, engine: { capabilities } }) => {
      const view = await lookIntoClone(lease, targetsToLookAt(spec, capabilities), capabilities);
      checkNotNested(spec, view);
      return view;
    },
    place: async (lease, { spec, facts }, tell) => {
      const rootfs = peer.uid === 0 ? lease.rootfs : await handOver(connection, lease, services, tell);
      const groups = facts.cgroups.byDaemon === true ? services.groups.open(lease, spec.limits) : undefined;
      const ids = claimIds(services.paths, facts, rootfs, lease.pool.holder);
      // Those of a client that may run on are freed by a refresh when it is dead.
      if (ids !== null) lease.defer((runsOn) => runsOn || ids.release());
      const place = { rootfs, runId: lease.run.runId, idSlot: ids?.slot ?? 0, sandboxDirectory: services.paths.sandbox };
      return groups === undefined ? place : { ...place, groups };
    },
    release: (outcome) => {
      connection.lease?.release(outcome);
      if (outcome === undefined) connection.lease = null;
    },
  };
}

async function handOver(
  connection: Connection,
  lease: DaemonLease,
  services: Pick<RunServices, 'handOver'>,
  tell: (event: RunEvent) => void,
): Promise<Rootfs> {
  const { part, tree } = await services.handOver(lease, connection.peer, (message) => tell({ kind: 'waiting', message }));
  connection.tree = tree;
  return rootfsOf(part);
}
