import { IsolateError } from '../error.ts';
import { mergedPath, type RootPart } from '../rootfs/rootfs.ts';
import type { Bind } from '../spec/spec.ts';
import type { PlanInput } from './engine.ts';
import { entersOwnDirectories, type IdentityInput, type IdentityPlan, planBindIdmap, planIdentity } from './identity.ts';
import type { Launch, MountOperation } from '../launch/launch.ts';
import { planHosts, planMissing } from './made-targets.ts';
import { type PlacedBind, placeBinds, planMemory } from './placed-bind.ts';

/** Where the launcher assembles the rootfs and the sources of binds, and the operations for that. */
export interface RootMounts {
  /** Path of the assembled rootfs, reachable with the sandbox's ids. */
  readonly root: string;
  /** isolate's own binds and then every bind, in order, with sources that are reachable with the sandbox's ids. */
  readonly binds: readonly PlacedBind[];
  readonly hostMounts: readonly MountOperation[];
  readonly sandboxMounts: readonly MountOperation[];
}

/** How an engine wants its root. */
export interface RootDemands {
  /** The engine runs and mounts inside the user namespace, so things are made for it there. */
  readonly nested: boolean;
  /** Directories to make beside the root, for the engine. */
  readonly directories?: readonly string[];
}

/**
 * Everything is gathered on a private tmpfs. Root's launches also put the rootfs and the sources of binds there, because the sandbox's
 * ids cannot enter root's 0700 directories and because a mount can get other ids only when it is copied. Other users' launches use the
 * paths directly, and gather nothing if the sandbox cannot enter the caller's directories. What the rootfs lacks is made in it, or, if it
 * must not change or belongs to others, in a layer on the tmpfs that is mounted over it.
 */
export function planRootMounts(input: PlanInput, identity: IdentityPlan, binds: readonly Bind[], demands: RootDemands): RootMounts {
  const { spec, findings, sandboxDirectory: directory } = input;
  const [part] = input.rootfs.parts;
  const isRoot = input.facts.user.rights === 'root';
  const places = placesIn(directory);
  const needsLayer = findings.missing.some(({ within }) => within === undefined) && (spec.readOnlyRoot || part.kind === 'overlay');
  const merges = needsLayer || part.kind === 'overlay';
  const placed = placePart(part, { at: merges ? places.lower : places.root, places, identity: isRoot ? identity : null });
  const { tree, upper } = placed;
  const root = merges ? placed.merged : tree;
  const placedBinds = placeBinds(binds, input.facts, { directory: places.binds, isGathered: isRoot });
  // Made inside, they belong to the sandbox anyway.
  const memory = planMemory(binds, places.binds, demands.nested || !isRoot ? { uid: 0, gid: 0 } : ownerOutside(identity));
  const hosts = planHosts(input, tree, `${places.made}/hosts`);
  const missing = planMissing(input.findings, { binds: placedBinds, root: tree, layer: needsLayer ? places.layer : null });
  const makesAny = needsLayer || hosts.operations.length > 0;
  const made: MountOperation[] = [
    ...memory.mounts,
    ...(isRoot && demands.nested && makesAny ? [tmpfs(places.made)] : []),
    ...(needsLayer ? [mkdir(places.layer)] : []),
    ...missing,
    ...hosts.operations,
    ...(merges ? [overlayMount([...(needsLayer ? [places.layer] : []), tree], upper, root)] : []),
  ];
  const gathered: MountOperation[] = [
    tmpfs(directory),
    ...[places.root, ...(merges ? [places.lower] : []), places.made, ...(demands.directories ?? [])].map(mkdir),
  ];
  if (!isRoot) {
    const enters = entersOwnDirectories(spec, input.facts);
    if (!enters && memory.places.length > 0) {
      const message = 'A sandbox with --uid-base has no place for --tmpfs: it cannot enter your directories.';
      throw new IsolateError('cannot-enforce', message, { hint: 'leave --uid-base out' });
    }
    const place = enters ? [...gathered, ...(memory.places.length === 0 ? [] : [mkdir(places.binds), ...memory.places])] : [];
    return { root, binds: [...hosts.binds, ...placedBinds], hostMounts: [], sandboxMounts: [...place, ...placed.mounts, ...made] };
  }
  const hostMounts = [...gathered, ...placed.mounts, ...bindTrees(input, binds, directory, places.binds), ...memory.places];
  return {
    root,
    binds: [...hosts.binds, ...placedBinds],
    hostMounts: [...hostMounts, ...(demands.nested ? [] : made)],
    sandboxMounts: demands.nested ? made : [],
  };
}

/** A root as a sandbox has it, for programs of isolate's own that only read and write it. */
export interface BareTree extends Pick<Launch, 'userNamespace' | 'hostMounts' | 'sandboxMounts'> {
  /** Where it is then. */
  readonly path: string;
}

/** Mounts a root and nothing over it, with the ids of a sandbox. Throws as `planIdentity`. */
export function planBareTree(input: Omit<IdentityInput, 'spec'> & Pick<PlanInput, 'sandboxDirectory'>): BareTree {
  const { rootfs, facts, sandboxDirectory: directory } = input;
  const [part] = rootfs.parts;
  const identity = planIdentity({ ...input, spec: {} });
  const { userNamespace } = identity;
  const isRoot = facts.user.rights === 'root';
  const merges = part.kind === 'overlay';
  const places = placesIn(directory);
  const { tree, upper, merged, mounts } = placePart(part, {
    at: merges ? places.lower : places.root,
    places,
    identity: isRoot ? identity : null,
  });
  const sandboxMounts = merges ? [overlayMount([tree], upper, merged)] : [];
  if (!isRoot) return { path: merges ? merged : tree, userNamespace, hostMounts: [], sandboxMounts: [...mounts, ...sandboxMounts] };
  const gathered = [tmpfs(directory), mkdir(places.root), ...(merges ? [mkdir(places.lower)] : [])];
  return { path: places.root, userNamespace, hostMounts: [...gathered, ...mounts], sandboxMounts };
}

type Places = ReturnType<typeof placesIn>;

function placesIn(directory: string): Readonly<Record<'root' | 'lower' | 'upper' | 'binds' | 'made' | 'layer', string>> {
  const made = `${directory}/made`;
  return {
    root: `${directory}/root`,
    lower: `${directory}/lower`,
    upper: `${directory}/upper`,
    binds: `${directory}/binds`,
    made,
    layer: `${made}/layer`,
  };
}

/** A part of the rootfs as it was before anything is changed in it, and what it is merged with. */
interface Placed {
  readonly tree: string;
  /** The layer that takes the changes; null: there is none. */
  readonly upper: string | null;
  /** Where layers over the tree are merged with it. */
  readonly merged: string;
  readonly mounts: readonly MountOperation[];
}

interface PlacePart {
  /** Where it is mounted, if it has to be. */
  readonly at: string;
  readonly places: Places;
  /** For root's launches; null: the paths are used directly. */
  readonly identity: IdentityPlan | null;
}

function placePart(part: RootPart, { at, places, identity }: PlacePart): Placed {
  if (part.kind === 'given') return { tree: at, upper: null, merged: places.root, mounts: [attach(part.name, at, identity)] };
  if (part.kind === 'tree') {
    if (identity === null) return { tree: part.source, upper: null, merged: places.root, mounts: [] };
    return { tree: at, upper: null, merged: places.root, mounts: [treeMount(part.source, at, identity)] };
  }
  const { lower, upperParent } = part;
  if (identity === null) return { tree: lower, upper: upperParent, merged: mergedPath(part), mounts: [] };
  const mounts = [mkdir(places.upper), treeMount(lower, at, identity), treeMount(upperParent, places.upper, identity)];
  return { tree: at, upper: places.upper, merged: places.root, mounts };
}

function bindTrees({ facts }: PlanInput, binds: readonly Bind[], directory: string, target: string): MountOperation[] {
  const sources = binds.flatMap(({ source, readOnly }, index): MountOperation[] => {
    if (typeof source !== 'string') return [];
    const kind = facts.paths[source]?.kind;
    const bind: MountOperation = {
      kind: 'bind',
      source,
      root: directory,
      target: `${target.slice(directory.length)}/${index}`,
      recursive: true,
      readOnly,
      noSuid: true,
      noDev: kind !== 'device',
      idmap: planBindIdmap(facts, facts.paths[source]),
      create: kind === 'directory' ? 'directory' : 'file',
    };
    return [bind];
  });
  return [mkdir(target), ...sources];
}

/** The ids of the host that the sandbox's root has. */
function ownerOutside({ userNamespace: { uidMap, gidMap } }: IdentityPlan): { readonly uid: number; readonly gid: number } {
  const outside = (map: IdentityPlan['userNamespace']['uidMap']): number => map.find(({ inside }) => inside === 0)?.outside ?? 0;
  return { uid: outside(uidMap), gid: outside(gidMap) };
}

function treeMount(source: string, target: string, { rootIdmap }: IdentityPlan): MountOperation {
  return {
    kind: 'bind',
    source,
    realSource: true,
    target,
    recursive: false,
    readOnly: false,
    noSuid: true,
    noDev: true,
    idmap: rootIdmap,
    create: 'none',
  };
}

/** A plain user's tree has its flags and its ids already. */
function attach(source: string, target: string, identity: IdentityPlan | null): MountOperation {
  if (identity === null) return { kind: 'attach', source, target, flags: [], idmap: 'none' };
  return { kind: 'attach', source, target, flags: ['nosuid', 'nodev'], idmap: identity.rootIdmap };
}

function mkdir(path: string): MountOperation {
  return { kind: 'mkdir', path, mode: 0o755 };
}

/** Large enough for any /etc/hosts in real use. */
function tmpfs(target: string): MountOperation {
  return { kind: 'mount', type: 'tmpfs', source: 'isolate', target, flags: ['nosuid', 'nodev'], options: 'mode=0755,size=16m' };
}

function overlayMount(lower: readonly string[], upperParent: string | null, target: string): MountOperation {
  const options = overlayOptions(lower, upperParent);
  return { kind: 'mount', type: 'overlay', source: 'overlay', target, flags: ['nosuid', 'nodev'], options };
}

/**
 * The options of overlayfs for the layers of a root, the uppermost first; null: none takes changes. The upper layer alone tells
 * what changed: no metacopy, no redirect_dir. (Documentation/filesystems/overlayfs.rst)
 */
export function overlayOptions(lower: readonly string[], upperParent: string | null): string {
  return [
    `lowerdir=${lower.map(escapeLayer).join(':')}`,
    ...(upperParent === null ? [] : [`upperdir=${escapeLayer(`${upperParent}/upper`)}`, `workdir=${escapeLayer(`${upperParent}/work`)}`]),
    'userxattr',
  ].join(',');
}

/** Colons and commas separate layers and options; a backslash takes that meaning away. */
function escapeLayer(path: string): string {
  return path.replaceAll(/[\\:,]/g, String.raw`\$&`);
}
