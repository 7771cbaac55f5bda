import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { planUserMaps } from '../engine/user-maps.ts';
import type { Facts } from '../host/facts.ts';
import { canIdmap } from '../host/path-facts.ts';
import { poolPaths, runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { openShelf, type Shelf, withoutShelf } from '../pool/shelf.ts';
import { readCloneRecord } from '../pool/state/transition.ts';
import { type Rootfs, rootfsOf } from '../rootfs/rootfs.ts';
import type { DirectoryStorage, RootRef } from '../spec/root-ref.ts';
import type { FirmSpec } from '../spec/spec.ts';
import { homeLayout } from '../storage/clones/home.ts';
import { treeRootfs } from '../storage/clones/tree.ts';
import { describeDirectory } from '../storage/directory.ts';
import { overlayLayout } from '../storage/overlay/layout.ts';
import { decide } from './decide.ts';
import { directoryRootfs } from './directory-root.ts';
import type { Way } from './lifecycle.ts';
import { lookIntoRoot, treeOf } from './look-into-root.ts';
import { readDefaults } from './read-template-record.ts';
import { ownRuntimePaths, ownSandboxDirectory, ownStateDirectory } from './place.ts';
import type { RunCaller } from './run-caller.ts';
import type { RunEvent } from './run-event.ts';
import { assumeWhole, targetsToLookAt } from './settle-targets.ts';

/** The way of a plan that is only shown: leases, makes and changes nothing. `tell` hears what the plan cannot know. */
export function predictedWay(
  caller: RunCaller,
  tell: (event: RunEvent) => void,
): Omit<Way<{ readonly rootfs: Rootfs }, never>, 'carry' | 'end'> {
  const nobody = '0'.repeat(16);
  return {
    name: 'node',
    tell: () => {},
    prepare: (request) => decide(request, caller),
    lease: async ({ spec, facts }) => {
      const { root } = spec;
      if (root.kind === 'directory' && root.storage !== undefined)
        tell({ kind: 'notice', message: describeStorage(root.path, root.storage) });
      return { rootfs: await predictRoot(spec, facts) };
    },
    look: async ({ rootfs }, { spec, engine: { capabilities }, facts }) => {
      const { root } = spec;
      const tree = root.kind === 'directory' ? { path: root.path, name: root.path } : treeOf(spec, rootfs);
      const shelf = openOwnShelf(spec, facts);
      try {
        await shelf.open();
        const seen = { ...tree, path: shelf.find(tree.path) };
        if (existsSync(seen.path)) return lookIntoRoot(seen, targetsToLookAt(spec, capabilities), readDefaults(seen), capabilities);
        const message = `${tree.name} may have defaults of its own for the variables, the user and the directory, which only the run sees.`;
        tell({ kind: 'notice', message });
        return assumeWhole(spec, capabilities);
      } finally {
        shelf.end();
      }
    },
    place: async ({ rootfs }, { facts }) => ({
      rootfs,
      ...(facts.cgroups.byDaemon === true ? { groups: { run: nobody, directories: [] } } : {}),
      runId: nobody,
      idSlot: rootfs.parts[0].ownership.kind === 'natural' ? 1 : 0,
      sandboxDirectory: ownSandboxDirectory(facts, rootfs),
    }),
  };
}

const storageNames = { overlay: 'an overlay', btrfs: 'a snapshot of btrfs', dir: 'a copy whose files share its blocks' } as const;

function describeStorage(path: string, storage: DirectoryStorage): string {
  return `The clone of ${path} is ${storageNames[storage]}.`;
}

/** Where root's fresh clones are mounted. */
function openOwnShelf({ root }: FirmSpec, facts: Facts): Shelf {
  if (root.kind !== 'volume' || facts.user.rights !== 'root') return withoutShelf;
  return openShelf({ gate: facts.files.gate, directory: ownRuntimePaths(facts).shelf, warn: () => {} });
}

/** The next fresh clone if there is one, else one as it would be made. */
export async function predictRoot({ root }: FirmSpec, facts: Facts): Promise<Rootfs> {
  return root.kind === 'volume' ? predictClone(root.locator, facts) : predictDirectory(root, facts);
}

function predictClone(dataset: string, facts: Facts): Rootfs {
  if (facts.user.rights !== 'root') return predictHandedOver(dataset, facts);
  const paths = poolPaths(ownRuntimePaths(facts), dataset);
  for (const id of readDirectory(paths.fresh)) {
    // Also null if another run takes it right now.
    const state = readCloneRecord(join(paths.fresh, id), id);
    if (state !== null) return state.rootfs;
  }
  return rootfsOf({ kind: 'tree', source: join(paths.mounts, 'CLONE'), ownership: { kind: 'natural' }, idmappable: true });
}

/** Only the daemon knows which one it would give. */
function predictHandedOver(dataset: string, { user }: Facts): Rootfs {
  const { mounts } = poolPaths(runtimePaths(systemRuntimeDirectory), dataset);
  return rootfsOf({ kind: 'given', name: join(mounts, 'CLONE'), ownership: { kind: 'mapped', ...planUserMaps(user) }, idmappable: false });
}

function predictDirectory({ path, write, storage = 'overlay' }: Extract<RootRef, { readonly kind: 'directory' }>, facts: Facts): Rootfs {
  if (write === 'direct') return directoryRootfs(path);
  const { ownership } = describeDirectory(path);
  const idmappable = canIdmap(path, statSync(path));
  if (storage !== 'overlay') {
    return treeRootfs(homeLayout(storage, path, ownStateDirectory(facts)).clone('0', 'live'), { ownership }, idmappable);
  }
  const upperParent = overlayLayout(ownStateDirectory(facts), path).clone('0', 'live');
  return rootfsOf({ kind: 'overlay', lower: path, upperParent, ownership, idmappable: { lower: idmappable, upper: true } });
}
