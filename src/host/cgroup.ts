import type { CgroupController, CgroupPlace } from './facts.ts';
import type { MountEntry } from './mountinfo.ts';

/** One line of /proc/PID/cgroup (cgroups(7)): the cgroup of a process in one hierarchy. */
export interface CgroupMembership {
  /** 0 is the version 2 hierarchy. */
  readonly hierarchy: number;
  /** Version 1 controllers, or `name=...`; empty for version 2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

/** Parses /proc/PID/cgroup. */
export function parseCgroups(text: string): readonly CgroupMembership[] {
  const memberships: CgroupMembership[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, hierarchy, controllers, path] = match;
    if (controllers === undefined || path === undefined) continue;
    memberships.push({
      hierarchy: Number(hierarchy),
      controllers: controllers === '' ? [] : controllers.split(','),
      path,
    });
  }
  return memberships;
}

/** The controllers that enforce limits. */
export type ControllerName = 'cpu' | 'memory' | 'pids';

export type Controllers = Readonly<Record<ControllerName, CgroupController | null>>;

/** What the choice depends on: the words of a control file, and whether the caller may make groups in a directory. */
export interface CgroupReader {
  readonly words: (file: string) => readonly string[];
  readonly writable: (directory: string) => boolean;
}

/**
 * The places for a group with the wanted controllers; null for a controller without one. In v1 the place is the caller's own group of
 * each hierarchy. In v2 a group with processes cannot give controllers to its children, so it is the nearest group above the caller that
 * does. There the limits of the groups above still apply, and it is the lowest place into which the kernel lets a delegated user move a
 * process ("Delegation Containment", cgroup-v2.rst). A process is in only one group of v2, so there the place is the same for all
 * controllers.
 */
export function chooseCgroups(
  wanted: readonly ControllerName[],
  mounts: readonly MountEntry[],
  memberships: readonly CgroupMembership[],
  reader: CgroupReader,
): Controllers {
  const chosen: Record<ControllerName, CgroupController | null> = { cpu: null, memory: null, pids: null };
  for (const controller of wanted) chosen[controller] = chooseCgroup(controller, mounts, memberships, reader);
  // A group can give only controllers that it was given, so the highest of the places has every controller.
  const highest = wanted
    .flatMap((controller) => (chosen[controller]?.version === 2 ? [chosen[controller]] : []))
    .toSorted((one, other) => one.directory.length - other.directory.length)[0];
  for (const controller of wanted) {
    if (chosen[controller]?.version === 2 && highest !== undefined) chosen[controller] = highest;
  }
  return chosen;
}

/**
 * The places beside the caller's own group, so that the caller's limits do not apply to what is made there; its own group if that is the
 * highest that it sees. In v2 `chooseCgroups` looks there anyway.
 */
export function chooseCgroupsBeside(
  wanted: readonly ControllerName[],
  mounts: readonly MountEntry[],
  memberships: readonly CgroupMembership[],
  reader: CgroupReader,
): Controllers {
  const above = memberships.map((membership) =>
    membership.hierarchy === 0 ? membership : { ...membership, path: parentOf(membership.path) },
  );
  const beside = chooseCgroups(wanted, mounts, above, reader);
  const own = chooseCgroups(wanted, mounts, memberships, reader);
  return { cpu: beside.cpu ?? own.cpu, memory: beside.memory ?? own.memory, pids: beside.pids ?? own.pids };
}

/** Where the caller's own group is seen, in whichever hierarchy is mounted; null: in none. */
export function findOwnGroup(mounts: readonly MountEntry[], memberships: readonly CgroupMembership[]): string | null {
  for (const { hierarchy, controllers, path } of memberships) {
    const [controller = ''] = controllers;
    const mount = mounts.find(({ type, superOptions }) =>
      hierarchy === 0 ? type === 'cgroup2' : type === 'cgroup' && superOptions.includes(controller),
    );
    const directory = mount === undefined ? null : groupDirectory(mount, path);
    if (directory !== null) return directory;
  }
  return null;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

function chooseCgroup(
  controller: ControllerName,
  mounts: readonly MountEntry[],
  memberships: readonly CgroupMembership[],
  reader: CgroupReader,
): CgroupController | null {
  const version1 = memberships.find((membership) => membership.controllers.includes(controller));
  if (version1 !== undefined) return chooseVersion1(controller, mounts, version1, reader);
  const version2 = memberships.find((membership) => membership.hierarchy === 0);
  return version2 === undefined ? null : chooseVersion2(controller, mounts, version2, reader);
}

function chooseVersion1(
  controller: ControllerName,
  mounts: readonly MountEntry[],
  membership: CgroupMembership,
  reader: CgroupReader,
): CgroupController | null {
  const mount = mounts.find((entry) => entry.type === 'cgroup' && entry.superOptions.includes(controller));
  if (mount === undefined) return null;
  const directory = groupDirectory(mount, membership.path);
  return directory !== null && reader.writable(directory) ? { version: 1, directory } : null;
}

function chooseVersion2(
  controller: ControllerName,
  mounts: readonly MountEntry[],
  membership: CgroupMembership,
  reader: CgroupReader,
): CgroupController | null {
  const mount = mounts.find((entry) => entry.type === 'cgroup2');
  let directory = mount === undefined ? null : groupDirectory(mount, membership.path);
  while (mount !== undefined && directory !== null) {
    if (reader.words(`${directory}/cgroup.subtree_control`).includes(controller)) {
      return reader.writable(directory) ? { version: 2, directory } : null;
    }
    directory = directory === mount.mountpoint ? null : directory.slice(0, directory.lastIndexOf('/'));
  }
  return null;
}

/**
 * The caller's own group in each hierarchy that has no limit of the run. Hierarchies in which the caller can make no group, or a process
 * could not join one (below a threaded group of v2), are left out.
 */
export function chooseOthers(
  chosen: Controllers,
  mounts: readonly MountEntry[],
  memberships: readonly CgroupMembership[],
  reader: CgroupReader,
): readonly CgroupPlace[] {
  const isTaken = ({ hierarchy, controllers }: CgroupMembership): boolean =>
    Object.entries(chosen).some(([name, place]) =>
      hierarchy === 0 ? place?.version === 2 : place?.version === 1 && controllers.includes(name),
    );
  return memberships.filter((membership) => !isTaken(membership)).flatMap((membership) => placeIn(membership, mounts, reader) ?? []);
}

function placeIn(
  { hierarchy, controllers, path }: CgroupMembership,
  mounts: readonly MountEntry[],
  reader: CgroupReader,
): CgroupPlace | null {
  const mount = mounts.find(({ type, superOptions }) =>
    hierarchy === 0 ? type === 'cgroup2' : type === 'cgroup' && superOptions.includes(controllers[0] ?? ''),
  );
  const directory = mount === undefined ? null : groupDirectory(mount, path);
  if (directory === null || !reader.writable(directory)) return null;
  // The root of the hierarchy has no such file.
  const [kind = ''] = hierarchy === 0 ? reader.words(`${directory}/cgroup.type`) : [];
  if (kind !== '' && kind !== 'domain') return null;
  // A new group has no processors and no memory nodes, so nothing can run there (cpusets.rst).
  const files = controllers.includes('cpuset') ? ['cpuset.cpus', 'cpuset.mems'] : [];
  const settings = files.map((file) => ({ file, value: reader.words(`${directory}/${file}`).join(' ') }));
  return settings.some(({ value }) => value === '') ? null : { directory, settings };
}

/** The path of a group below a mount that may show only a part of the hierarchy; null: the group is outside it. */
function groupDirectory(mount: MountEntry, path: string): string | null {
  if (path.split('/').includes('..')) return null;
  const prefix = mount.root === '/' ? '' : mount.root;
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return null;
  const below = path.slice(prefix.length);
  return below === '/' ? mount.mountpoint : `${mount.mountpoint}${below}`;
}
