import { statSync } from 'node:fs';
import { join } from 'node:path';

import type { PlanInput } from '../engine/engine.ts';
import { planUserMaps } from '../engine/identity.ts';
import type { HostFacts } from '../host/facts.ts';
import { canIdmap } from '../host/probe.ts';
import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { readCloneState } from '../pool/state/transition.ts';
import { type Rootfs, rootfsOf } from '../rootfs/rootfs.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import { describeDirectory } from '../storage/directory.ts';
import { overlayLayout } from '../storage/overlay/layout.ts';
import { ownRuntimePaths, ownSandboxDirectory, ownStateDirectory } from './place.ts';

/** A place for a plan that is only shown: the next fresh clone where there is one, else one as it would be made. Changes nothing. */
export async function imagineRoot({ root }: SandboxSpec, facts: HostFacts): Promise<Omit<PlanInput, 'spec' | 'findings' | 'facts'>> {
  const runId = '0'.repeat(16);
  const rootfs = root.kind === 'zfs' ? imagineClone(root.dataset, facts) : await imagineDirectory(root.path, root.ephemeral, facts);
  const idSlot = rootfs.parts[0].ownership.kind === 'natural' ? 1 : 0;
  const groups = facts.cgroups.byDaemon === true ? { groups: { run: runId, directories: [] } } : {};
  return { rootfs, runId, idSlot, sandboxDirectory: ownSandboxDirectory(facts, rootfs), ...groups };
}

function imagineClone(dataset: string, facts: HostFacts): Rootfs {
  if (facts.user.uid !== 0) return imagineHandedOver(dataset, facts);
  const paths = poolPaths(ownRuntimePaths(facts), dataset);
  for (const id of readDirectory(paths.fresh)) {
    // Null also where another run takes it right now.
    const state = readCloneState(join(paths.fresh, id), id);
    if (state !== null) return state.rootfs;
  }
  return rootfsOf({ kind: 'tree', source: join(paths.mounts, 'CLONE'), ownership: { kind: 'natural' }, idmappable: true });
}

/** Which one the daemon would give nobody but it can see. */
function imagineHandedOver(dataset: string, { user }: HostFacts): Rootfs {
  const { mounts } = poolPaths(runtimePaths(systemRuntimeDirectory), dataset);
  return rootfsOf({ kind: 'given', name: join(mounts, 'CLONE'), ownership: { kind: 'mapped', ...planUserMaps(user) } });
}

async function imagineDirectory(path: string, ephemeral: boolean, facts: HostFacts): Promise<Rootfs> {
  const { ownership } = await describeDirectory(path);
  const idmappable = canIdmap(path, statSync(path));
  if (!ephemeral) return rootfsOf({ kind: 'tree', source: path, ownership, idmappable });
  const upperParent = overlayLayout(ownStateDirectory(facts), path).clone('0', 'live');
  return rootfsOf({ kind: 'overlay', lower: path, upperParent, ownership, idmappable: { lower: idmappable, upper: true } });
}
