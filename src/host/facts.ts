import type { Privileges } from './privileges.ts';
import type { Rights } from './rights.ts';

/** `count` host ids from `start`. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** Blocks of ids that root's sandboxes take theirs from. */
export interface SandboxIds {
  readonly uids: IdRange;
  readonly gids: IdRange;
}

/** Programs of the host that isolate may start, found once; null where there is none. Absolute paths. */
export type ToolName = 'bwrap' | 'lxc-execute' | 'zfs' | 'zpool' | 'newuidmap' | 'newgidmap';

/** The caller and the ids sandboxes may run under. */
export interface UserFacts {
  readonly uid: number;
  readonly gid: number;
  readonly rights: Rights;
  /** Subordinate ranges of the caller (subuid(5)); empty where there are none. */
  readonly subordinateUids: readonly IdRange[];
  readonly subordinateGids: readonly IdRange[];
  /** The ranges root's sandboxes take theirs from: of the settings, else subordinate ids of the user `isolate`, else a built-in block. */
  readonly sandboxUids: IdRange;
  readonly sandboxGids: IdRange;
}

/** One cgroup hierarchy a controller can be used in, and the directory isolate's groups go below. */
export interface CgroupController {
  readonly version: 1 | 2;
  /** Directory of the hierarchy that isolate makes its own directory in, writable for the caller. */
  readonly directory: string;
}

export interface CgroupFacts {
  readonly cpu: CgroupController | null;
  readonly memory: CgroupController | null;
  readonly pids: CgroupController | null;
  /** The caller's own group of each further hierarchy in which it can make others. Empty unless the run needs them. */
  readonly others: readonly CgroupPlace[];
  /** The caller has no place for one of the wanted controllers, and the daemon that lends the clone makes the groups. */
  readonly byDaemon?: true;
}

/** A group that others can be made in, and what has to be written in those before a process can join them. */
export interface CgroupPlace {
  readonly directory: string;
  readonly settings: readonly { readonly file: string; readonly value: string }[];
}

/** Sockets and devices of the desktop, with what is needed to use them; null where there is none. */
export interface DesktopFacts {
  readonly x11: { readonly display: string; readonly socket: string; readonly authority: Uint8Array | null } | null;
  readonly pulse: { readonly socket: string; readonly cookie: Uint8Array | null } | null;
  readonly wayland: { readonly display: string; readonly socket: string } | null;
  readonly gpu: { readonly devices: readonly string[] } | null;
}

/** Owner and mount abilities of one host path, as a bind mount of it needs them. */
export interface PathFacts {
  readonly kind: 'directory' | 'file' | 'socket' | 'device';
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  /** The file system can be mounted idmapped (mount_setattr(2)). */
  readonly idmappable: boolean;
}

/** What this host is, for every caller. */
export interface HostFacts {
  /** Files of /proc that name the keys of the reader's kernel user: none where the kernel has no keys. */
  readonly keyFiles: readonly string[];
  /** Own files that a launch needs. */
  readonly files: OwnFiles;
}

/** What the caller of a run is here, and what it may use. */
export interface CallerFacts {
  readonly user: UserFacts;
  readonly privileges: Privileges;
  readonly tools: Readonly<Record<ToolName, string | null>>;
  /** Unprivileged user namespaces can be made by this caller. */
  readonly userNamespaces: boolean;
  readonly cgroups: CgroupFacts;
  readonly desktop: DesktopFacts;
  /** Below the directory that is the root, where other file systems are mounted; for clones none. */
  readonly mountsBelow: readonly string[];
  /** By path: one entry for every bind source of the spec, every shared socket and device of the desktop, and LXC's bridge and tunnel device. */
  readonly paths: Readonly<Record<string, PathFacts>>;
}

/** All that one run depends on: read only, plain data, recorded as JSON in the golden tests. */
export type Facts = HostFacts & CallerFacts;

/** Absolute paths; `socketcallFilter` is the filter that lets socketcall(2) make sockets. */
export type OwnFiles = Readonly<Record<'launcher' | 'gate' | 'seccompFilter' | 'socketcallFilter' | 'lxcSeccompProfile', string>>;
