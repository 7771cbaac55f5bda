import type { Board } from '../machine/machine.ts';
import type { Privileges } from './privileges.ts';
import type { Rights } from './rights.ts';

/** `count` host ids from `start`. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** Blocks from which root's sandboxes take their ids. */
export interface SandboxIds {
  readonly uids: IdRange;
  readonly gids: IdRange;
}

/** Absolute paths of the host's programs that isolate may start; null: there is none. */
export type ToolName = 'bwrap' | 'lxc-execute' | 'zfs' | 'zpool' | 'newuidmap' | 'newgidmap';

/** The caller, and the ids that its sandboxes may have. */
export interface UserFacts {
  readonly uid: number;
  readonly gid: number;
  readonly rights: Rights;
  /** Subordinate ranges of the caller (subuid(5)); empty if there are none. */
  readonly subordinateUids: readonly IdRange[];
  readonly subordinateGids: readonly IdRange[];
  /** The command with which root gives the caller subordinate ids that nobody else has. */
  readonly subordinateIdsCommand: string;
  /** The ranges of root's sandboxes: from the settings, else the subordinate ids of the user `isolate`, else a built-in block. */
  readonly sandboxUids: IdRange;
  readonly sandboxGids: IdRange;
}

/** One cgroup hierarchy in which a controller can be used, and the directory for isolate's groups. */
export interface CgroupController {
  readonly version: 1 | 2;
  /** The directory of the hierarchy in which isolate makes its own, writable for the caller. */
  readonly directory: string;
}

export interface CgroupFacts {
  readonly cpu: CgroupController | null;
  readonly memory: CgroupController | null;
  readonly pids: CgroupController | null;
  /** The caller's own group in each further hierarchy in which it can make groups. Empty unless the run needs them. */
  readonly others: readonly CgroupPlace[];
  /** The caller has no place for one of the wanted controllers, so the daemon that lends the clone makes the groups. */
  readonly byDaemon?: true;
}

/** A group in which others can be made, and what has to be written in those before a process can join them. */
export interface CgroupPlace {
  readonly directory: string;
  readonly settings: readonly { readonly file: string; readonly value: string }[];
}

/** Sockets and devices of the desktop, with what is needed to use them; null: there is none. */
export interface DesktopFacts {
  readonly x11: { readonly display: string; readonly socket: string; readonly authority: Uint8Array | null } | null;
  readonly pulse: { readonly socket: string; readonly cookie: Uint8Array | null } | null;
  readonly wayland: { readonly display: string; readonly socket: string } | null;
  readonly gpu: { readonly devices: readonly string[] } | null;
}

/** What a bind mount of a host path depends on: its owner and mount abilities. */
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
  /** Files of /proc that list the keys of the reader's kernel user; none if the kernel has no keys. */
  readonly keyFiles: readonly string[];
  /** Own files that a launch needs. */
  readonly files: OwnFiles;
}

/** The kernel and the first root of a machine. */
export interface MachineBoot {
  readonly kernel: string;
  readonly initramfs: string;
  readonly board: Board;
  /** The host's directory with the modules of the kernel; absent: it has none. */
  readonly modules?: string;
}

/** What machines need of this host. */
export interface MachineFacts {
  /** The processor is one that machines are built for. */
  readonly hasProcessor: boolean;
  /** QEMU's program; null: it is not installed. */
  readonly qemu: string | null;
  /** What it boots; null: isolate's own kernel is missing. */
  readonly boot: MachineBoot | null;
  /** Why KVM cannot run a machine of this caller, as the end of a sentence; null: it can. */
  readonly withoutKvm: string | null;
  /** The directories with firmware and libraries of QEMU that are there. */
  readonly directories: readonly string[];
}

/** Who the caller of a run is on this host, and what it may use. */
export interface CallerFacts {
  readonly user: UserFacts;
  readonly privileges: Privileges;
  readonly tools: Readonly<Record<ToolName, string | null>>;
  /** Unprivileged user namespaces can be made by this caller. */
  readonly userNamespaces: boolean;
  readonly cgroups: CgroupFacts;
  readonly desktop: DesktopFacts;
  /** Only for engines with a kernel of their own. */
  readonly machine?: MachineFacts;
  /** Where other file systems are mounted below the directory that is the root; none for clones. */
  readonly mountsBelow: readonly string[];
  /** Keyed by path: every bind source of the spec, every shared socket and device of the desktop, and LXC's bridge and tunnel device. */
  readonly paths: Readonly<Record<string, PathFacts>>;
}

/** Everything that one run depends on: read-only plain data, recorded as JSON in the golden tests. */
export type Facts = HostFacts & CallerFacts;

/** Absolute paths; `socketcallFilter` is the filter that lets socketcall(2) make sockets, `lxcFilter` has the rules of the profile. */
export type OwnFiles = Readonly<
  Record<
    | 'launcher'
    | 'gate'
    | 'seccompFilter'
    | 'socketcallFilter'
    | 'lxcSeccompProfile'
    | 'lxcFilter'
    | 'unpacker'
    | 'tree'
    | 'machine'
    | 'kernel'
    | 'initramfs',
    string
  >
>;
