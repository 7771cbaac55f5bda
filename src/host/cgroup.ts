import type { CgroupController, CgroupFacts } from './facts.ts';
import type { MountEntry } from './mountinfo.ts';

/** One line of /proc/PID/cgroup (cgroups(7)): the group of a process in one hierarchy. */
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

/** The controllers limits are enforced with. */
export type ControllerName = 'cpu' | 'memory' | 'pids';

/** What the choice asks the host: the words of a control file, and whether the caller may make groups in a directory. */
export interface CgroupReader {
  readonly words: (file: string) => readonly string[];
  readonly writable: (directory: string) => boolean;
}

/**
 * The places for a group with the wanted controllers; null for one the caller has no place for. In version 1 that is the
 * caller's own group of each hierarchy. In version 2 a group with processes in it cannot hand controllers to its
 * children, so it is the nearest group above the caller that does; that also keeps every limit the caller itself is
 * under from there on, and is the lowest place into which the kernel lets a delegated user move a process ("Delegation
 * Containment", cgroup-v2.rst). A process is in one group of version 2 only, so there it is the same place for all.
 */
export function chooseCgroups(
  wanted: readonly ControllerName[],
  mounts: readonly MountEntry[],
  memberships: readonly CgroupMembership[],
  reader: CgroupReader,
): CgroupFacts {
  const chosen: Record<ControllerName, CgroupController | null> = { cpu: null, memory: null, pids: null };
  for (const controller of wanted) chosen[controller] = chooseCgroup(controller, mounts, memberships, reader);
  // What a group hands on was handed to it, so the highest of the places has every controller.
  const highest = wanted
    .flatMap((controller) => (chosen[controller]?.version === 2 ? [chosen[controller]] : []))
    .toSorted((one, other) => one.directory.length - other.directory.length)[0];
  for (const controller of wanted) {
    if (chosen[controller]?.version === 2 && highest !== undefined) chosen[controller] = highest;
  }
  return chosen;
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

/** Where a group is seen below a mount that may show only a part of the hierarchy; null where it is outside of it. */
function groupDirectory(mount: MountEntry, path: string): string | null {
  if (path.split('/').includes('..')) return null;
  const prefix = mount.root === '/' ? '' : mount.root;
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return null;
  const below = path.slice(prefix.length);
  return below === '/' ? mount.mountpoint : `${mount.mountpoint}${below}`;
}
