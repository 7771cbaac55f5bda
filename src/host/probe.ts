import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';

import { IsolateError } from '../error.ts';
import { hostSources } from '../spec/bind.ts';
import { limitNames, type Limits, type FirmSpec } from '../spec/spec.ts';
import { chooseCgroups, chooseCgroupsBeside, chooseOthers, type CgroupReader, findOwnGroup, parseCgroups } from './cgroup.ts';
import type { CallerFacts, CgroupFacts, DesktopFacts, Facts, HostFacts, PathFacts, SandboxIds, ToolName, UserFacts } from './facts.ts';
import { lxcPaths } from './lxc-paths.ts';
import type { MountEntry } from './mountinfo.ts';
import { findUserName } from './passwd.ts';
import { probePath } from './path-facts.ts';
import { fullPrivileges, parsePrivileges, type Privileges } from './privileges.ts';
import { mountsOnce } from './mounts-once.ts';
import { readMounts } from './read-mounts.ts';
import { readText } from './read-text.ts';
import { chooseSandboxIds, parseSubidRanges, parseSubids, subordinateIdsCommand } from './subid.ts';
import { findTool, toolNames } from './tools.ts';
import { answerUserNamespaces } from './user-namespaces.ts';
import { type Rights, rightsOf } from './rights.ts';

/** What to probe for whom. */
export interface ProbeRequest {
  /** Read only what this run needs; absent: everything. */
  readonly spec?: FirmSpec;
  /** PATH of the caller, whose directories this process then searches; absent: only the host's own. */
  readonly searchPath?: string | undefined;
  /** The caller's environment: the desktop's variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly gid: number;
  /** The ids that the settings give root's sandboxes; absent or null: none. */
  readonly sandboxIds?: SandboxIds | null;
  /**
   * The file with the caller's cgroups (cgroups(7)), or null if this process cannot tell which of them the caller may write; and whether
   * the run gets a cgroup in every hierarchy or only for its limits. Absent: this process's, and every hierarchy if there is no spec.
   */
  readonly cgroups?: { readonly of: string | null; readonly everywhere: boolean };
  /** The privileges of the process that will start the launch; absent: ordinary ones. */
  readonly privileges?: Privileges;
  /** The mounts of this process; absent: as they are now. */
  readonly mounts?: () => readonly MountEntry[];
  /** The facts of a bind's source; absent: as this process sees it. */
  readonly probePath?: (source: string) => PathFacts | null;
}

/** All facts at once. Throws as both do. */
export async function probeFacts({ files, ...request }: ProbeRequest & Pick<HostFacts, 'files'>): Promise<Facts> {
  return { ...probeHost(files), ...(await probeCaller(request)) };
}

/** The facts of this host. Throws `unsupported-option` for a processor for which isolate has no filter. */
export function probeHost(files: HostFacts['files']): HostFacts {
  checkProcessor(process.arch);
  return { keyFiles: ['/proc/keys', '/proc/key-users'].filter((file) => existsSync(file)), files };
}

/**
 * The facts of the caller that `spec` needs. Only stats and small reads: changes nothing and starts no process. Throws `socket-missing`
 * for a requested desktop socket that does not exist. Missing bind sources have no entry in `paths`.
 */
export async function probeCaller(request: ProbeRequest): Promise<CallerFacts> {
  const { spec, uid, searchPath, mounts = mountsOnce() } = request;
  const rights = rightsOf(uid);
  const tools = findTools(rights, searchPath);
  const desktop = await probeDesktopFor(request);
  return {
    user: probeUser(uid, request.gid, request.sandboxIds ?? null),
    privileges:
      rights === 'root' || isLent(request) ? (request.privileges ?? fullPrivileges) : probeMappers(request.privileges, tools, mounts),
    tools,
    userNamespaces: answerUserNamespaces(readUserNamespaceSettings(), rights) === 'allowed',
    cgroups: probeCgroups(request, mounts),
    desktop,
    mountsBelow: spec?.root.kind === 'directory' ? findMountsBelow(spec.root.path, mounts()) : [],
    paths: {
      ...probePaths(spec === undefined ? [] : hostSources(spec), request.probePath),
      ...probePaths([...desktopPaths(desktop), ...networkPaths(spec)]),
    },
  };
}

const noDesktop: DesktopFacts = { x11: null, pulse: null, wayland: null, gpu: null };

/** Loaded only for the runs that need it. */
async function probeDesktopFor({ spec, environment, uid }: ProbeRequest): Promise<DesktopFacts> {
  const wanted = spec?.passthrough ?? [];
  if (wanted.length === 0) return noDesktop;
  const { probeDesktop } = await import('./desktop.ts');
  return probeDesktop(wanted, { environment, uid, hostname: hostname(), passwd: readText('/etc/passwd') ?? '' });
}

/** The sockets a launch binds, as the bind sources they become. */
function desktopPaths({ x11, pulse, wayland, gpu }: DesktopFacts): readonly string[] {
  const sockets = [x11, pulse, wayland].flatMap((part) => (part === null ? [] : [part.socket]));
  return [...sockets, ...(gpu?.devices ?? [])];
}

function networkPaths(spec: FirmSpec | undefined): readonly string[] {
  return spec === undefined ? [] : lxcPaths(spec);
}

function checkProcessor(name: string): void {
  if (name === 'x64' || name === 'arm64') return;
  throw new IsolateError('unsupported-option', `isolate has no system-call filter for ${name} processors.`);
}

function findTools(rights: Rights, path: string | undefined): Facts['tools'] {
  const found: Partial<Record<ToolName, string | null>> = {};
  for (const name of toolNames) found[name] = findTool(name, rights, path);
  return found as Record<ToolName, string | null>;
}

/** A user's subordinate ids and the ranges of root's sandboxes. */
export function probeUser(uid: number, gid: number, sandboxIds: SandboxIds | null = null): UserFacts {
  const subuid = readText('/etc/subuid') ?? '';
  const subgid = readText('/etc/subgid') ?? '';
  const name = findUserName(readText('/etc/passwd') ?? '', uid) ?? findDirectoryName(uid);
  return {
    uid,
    gid,
    rights: rightsOf(uid),
    subordinateUids: parseSubids(subuid, name, uid),
    subordinateGids: parseSubids(subgid, name, uid),
    subordinateIdsCommand: subordinateIdsCommand(name, [...parseSubidRanges(subuid), ...parseSubidRanges(subgid)]),
    sandboxUids: sandboxIds?.uids ?? chooseSandboxIds(parseSubids(subuid, 'isolate', null)),
    sandboxGids: sandboxIds?.gids ?? chooseSandboxIds(parseSubids(subgid, 'isolate', null)),
  };
}

/** The daemon lends the root, together with a user namespace for it. */
function isLent({ spec, uid }: Pick<ProbeRequest, 'spec' | 'uid'>): boolean {
  return spec?.root.kind === 'volume' && rightsOf(uid) === 'user';
}

/** A set-uid bit on a file system that is mounted nosuid gives nothing either. */
function probeMappers(
  privileges: Privileges | undefined,
  { newuidmap, newgidmap }: Facts['tools'],
  mounts: () => readonly MountEntry[],
): Privileges {
  if (privileges === undefined) return fullPrivileges;
  if (privileges.withheld !== null || newuidmap === null || newgidmap === null) return privileges;
  const place = [newuidmap, newgidmap].map((tool) => findMount(tool, mounts())).find((mount) => mount?.options.includes('nosuid'));
  return place === undefined ? privileges : { ...privileges, withheld: `${place?.mountpoint} is mounted nosuid` };
}

function findMount(path: string, mounts: readonly MountEntry[]): MountEntry | undefined {
  const real = realpathSync(path);
  return mounts.findLast(({ mountpoint }) => mountpoint === '/' || real === mountpoint || real.startsWith(`${mountpoint}/`));
}

/** The privileges of the process with this directory name in /proc. */
export function readPrivileges(process = 'self'): Privileges {
  return parsePrivileges(readText(`/proc/${process}/status`) ?? '');
}

/** Users of a directory service are not in /etc/passwd; the C library knows their names. */
function findDirectoryName(uid: number): string | null {
  if (process.getuid?.() !== uid) return null;
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

/** The kernel's settings for user namespaces. */
export function readUserNamespaceSettings(): Parameters<typeof answerUserNamespaces>[0] {
  return {
    maximum: readText('/proc/sys/user/max_user_namespaces'),
    unprivilegedClone: readText('/proc/sys/kernel/unprivileged_userns_clone'),
    apparmorRestriction: readText('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
  };
}

/** Where the caller can make cgroups with these limits, or whether the daemon makes them; absent: with any limits. */
function probeCgroups(request: ProbeRequest, mountsOf: () => readonly MountEntry[]): CgroupFacts {
  const { spec, cgroups = { of: '/proc/self/cgroup', everywhere: spec === undefined } } = request;
  const names = Object.keys(spec?.limits ?? limitNames) as (keyof Limits)[];
  const wanted = names.map((limit) => limitNames[limit]);
  if (wanted.length === 0 && !cgroups.everywhere) return { cpu: null, memory: null, pids: null, others: [] };
  const [mounts, memberships] = [mountsOf(), parseCgroups((cgroups.of === null ? null : readText(cgroups.of)) ?? '')];
  const chosen = chooseCgroups(wanted, mounts, memberships, reader);
  if (isLent(request) && wanted.some((name) => chosen[name] === null))
    return { cpu: null, memory: null, pids: null, others: [], byDaemon: true };
  return { ...chosen, others: cgroups.everywhere ? chooseOthers(chosen, mounts, memberships, reader) : [] };
}

/** Where this process can make cgroups to which its own limits do not apply. */
export function probeCgroupsBeside(): CgroupFacts {
  const memberships = parseCgroups(readText('/proc/self/cgroup') ?? '');
  return { ...chooseCgroupsBeside(Object.values(limitNames), readMounts(), memberships, reader), others: [] };
}

/** Where the group that this process is in now can be seen, among these mounts. */
export function probeOwnGroup(mounts: readonly MountEntry[]): string | null {
  return findOwnGroup(mounts, parseCgroups(readText('/proc/self/cgroup') ?? ''));
}

const reader: CgroupReader = { words: (file) => (readText(file) ?? '').trim().split(/\s+/), writable: isGroupWritable };

/** Whether a cgroup can be made and entered: the directory and, for the move, its list of processes are writable. */
function isGroupWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    accessSync(`${directory}/cgroup.procs`, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function probePaths(sources: readonly string[], probe = probePath): Facts['paths'] {
  const paths: Record<string, PathFacts> = {};
  for (const source of sources) {
    const facts = probe(source);
    if (facts !== null) paths[source] = facts;
  }
  return paths;
}

function findMountsBelow(directory: string, mounts: readonly MountEntry[]): string[] {
  return mounts.map(({ mountpoint }) => mountpoint).filter((mountpoint) => mountpoint.startsWith(`${directory}/`));
}
