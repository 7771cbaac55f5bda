import type { IdMaps } from '../rootfs/rootfs.ts';
import type { Inside, Join } from './join.ts';
import type { FileSystemFlag } from './operations.ts';

/** The user namespace that the launcher makes and enters, in which it takes ids 0/0. */
export interface UserNamespace extends IdMaps {
  /**
   * `direct`: the launcher writes the maps (root); `newidmap`: newuidmap(1) and newgidmap(1) do; `single`: one id each,
   * setgroups denied; `given`: the daemon hands the namespace over, and it has to have these maps.
   */
  readonly writer: 'direct' | 'newidmap' | 'single' | 'given';
  readonly newuidmap?: string;
  readonly newgidmap?: string;
  /** It only gives its maps to `idmap: 'sandbox'`; the engine makes one with the same maps itself. Absent: entered. */
  readonly mapsOnly?: boolean;
}

/** How ids on a bound tree are mapped: not at all; by the launch's user namespace; or with one host owner shown as the sandbox's 0. */
export type Idmap = 'none' | 'sandbox' | { readonly uid: number; readonly gid: number };

/**
 * One mount, carried out by the launcher in order. `target` is resolved beneath `root` (openat2(2), RESOLVE_IN_ROOT and
 * RESOLVE_NO_MAGICLINKS) when `root` is given, else it is a path of the launcher's own making.
 */
export type MountOperation =
  | {
      readonly kind: 'bind';
      readonly source: string;
      /** No part of the source is a link; if one has become a link since it was checked, the launch fails. */
      readonly realSource?: true;
      readonly root?: string;
      readonly target: string;
      readonly recursive: boolean;
      readonly readOnly: boolean;
      readonly noSuid: boolean;
      readonly noDev: boolean;
      readonly idmap: Idmap;
      /** Make a missing target of this kind beneath `root`. */
      readonly create: 'none' | 'directory' | 'file';
    }
  | {
      readonly kind: 'mount';
      readonly type: string;
      readonly source: string;
      readonly root?: string;
      readonly target: string;
      readonly flags: readonly FileSystemFlag[];
      /** The file system's own options, comma separated; may be empty. */
      readonly options: string;
    }
  /**
   * Puts a tree in place that the daemon hands over, or `shelfTree`. Trees that come with their user namespace are attached among
   * `sandboxMounts`, as they are and in the order in which they come, two at most; root's, once at most, among `hostMounts`.
   */
  | {
      readonly kind: 'attach';
      /** What errors call it. */
      readonly source: string;
      readonly target: string;
      readonly flags: readonly FileSystemFlag[];
      readonly idmap: Extract<Idmap, string>;
    }
  | { readonly kind: 'mkdir'; readonly path: string; readonly mode: number }
  /**
   * Makes `target` beneath `root` if it is missing, with the directories above it (0755; a file 0644 and empty). With `layer`
   * it is made in that directory instead, which is to lie over `root`.
   */
  | {
      readonly kind: 'make';
      readonly root: string;
      readonly layer?: string;
      readonly target: string;
      readonly create: 'directory' | 'file';
    }
  /** Makes the file `target` from the file `source` beneath `root`, or from `otherwise` if there is none, and appends `line`. */
  | {
      readonly kind: 'copy';
      readonly root: string;
      readonly source: string;
      readonly target: string;
      readonly otherwise: string;
      readonly line: string;
    };

/** Variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** A descriptor that the started program inherits under `number` (3 to 99); all others above 2 are closed. */
export type Descriptor =
  | {
      readonly number: number;
      readonly kind: 'data';
      readonly label: string;
      readonly content: Uint8Array;
      /** How to show the content to people: as the words of a command line, each ended by a NUL; as lines; by a text; absent: not at all. */
      readonly shown?: 'words' | 'lines' | { readonly text: string };
    }
  /** `access`: read only unless given. */
  | { readonly number: number; readonly kind: 'file'; readonly path: string; readonly access?: 'read-only' | 'read-write' }
  /** What the stage executes: its complete argv, and the variables that it sets in addition to the engine's. */
  | { readonly number: number; readonly kind: 'command'; readonly words: readonly string[]; readonly environment: Environment }
  /** The launcher itself, to be executed inside as the stage: `/proc/self/fd/N STATUSFD COMMANDFD`. */
  | { readonly number: number; readonly kind: 'stage' }
  /** The stage's end of the status socket; `user`: what --user says, for messages. */
  | { readonly number: number; readonly kind: 'stage-status'; readonly user?: string }
  /** One end of a stream socket pair between two programs of the launch. */
  | { readonly number: number; readonly kind: 'channel'; readonly channel: number; readonly end: 0 | 1 }
  /** Only for a companion, which is ready when it has written to it. */
  | { readonly number: number; readonly kind: 'ready' };

interface MadePlace {
  readonly path: string;
  /** Exactly these bits, whatever the umask. */
  readonly mode: number;
  /** An existing file is left unchanged, or makes the launch fail. */
  readonly existing: 'fine' | 'refused';
  /** What happens to it at the end, if the launch made it; a directory is removed with its contents. */
  readonly end: 'stays' | 'removed';
}

/** What the launcher makes on the host first of all, in order and with the caller's rights. */
export type MadeFile =
  | ({ readonly kind: 'directory' } & MadePlace)
  | ({
      readonly kind: 'file';
      readonly content: string;
      /** `%d` and `%i` in the content stand for the device and the inode of this file, `%%` for a percent sign; absent: for nothing. */
      readonly numbersOf?: string;
    } & MadePlace)
  /** Something that is there is moved to `to`, where nothing may be, and back at the end. */
  | { readonly kind: 'take'; readonly path: string; readonly to: string }
  /** The file `to` gets this content at once, by way of `path` beside it. The launch does not fail if it cannot be written. */
  | { readonly kind: 'replace'; readonly path: string; readonly to: string; readonly content: string };

/** What the launcher does at the end for the one who planned the launch. What a path does not lead to any more is passed over. */
export type EndOperation =
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'move'; readonly path: string; readonly to: string }
  /** Writes a file, which is made where it is missing (0600). */
  | { readonly kind: 'note'; readonly path: string; readonly content: string }
  /**
   * Starts a program that goes on by itself, with `words` behind its name, each ended by a NUL, unless a file says that one lives:
   * `claim` with `N.PID.START.` and `boot` behind it. Makes that file.
   */
  | { readonly kind: 'start'; readonly path: string; readonly words: Uint8Array; readonly claim: string; readonly boot: string };

/** A clone on the shelf (docs/storage.md), of whose mount the launcher attaches a copy. */
export interface ShelfTree {
  /** The directory in which the shelf is bound. */
  readonly shelf: string;
  /** Where the clone is mounted there. */
  readonly shelfPath: string;
  /** As stat(2) has it; what is mounted there from another device is not attached. */
  readonly shelfDevice: number;
}

/** A cgroup directory made for this run: settings written in order, the engine joins it, removed at the end. */
export interface CgroupDirectory {
  readonly path: string;
  readonly settings: readonly { readonly file: string; readonly value: string }[];
}

/** One program that the launcher executes. */
export interface Program {
  /** Absolute path of the program to execute, or the number of a descriptor to execute (execveat(2)). */
  readonly file: string | number;
  /** All of argv, argv[0] included. */
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly descriptors: readonly Descriptor[];
  /** Absolute; for the launch's own program after `root`. */
  readonly workingDirectory: string;
  readonly noNewPrivileges: boolean;
  /** Milliseconds between the first SIGTERM that it gets and SIGKILL. */
  readonly graceMs: number;
  /** A file of struct sock_filter that the launcher installs right before execve; null: none, or the program does it itself. */
  readonly seccompFilter: string | null;
}

/**
 * A program beside the engine, in the run's process namespace and the cgroups that the launcher makes. Companions are
 * executed before the engine, one after the other, and ended after it. Each is in a session of its own, with nothing on
 * standard input and output. If one cannot be started or ends before the engine, the run fails.
 */
export interface Companion extends Program {
  /** For messages. */
  readonly name: string;
  /** `sandbox`: it is 0 in the launch's user namespace, not together with a process namespace; `caller`: it has the caller's rights. */
  readonly identity: 'caller' | 'sandbox';
  /** It is ready when this socket is there; absent: when it has written to its `ready` descriptor, or without one when it was executed. */
  readonly readySocket?: string;
}

/**
 * The complete decision about one start, and all that the launcher gets. Plain data: `--dry-run` prints it, the golden tests record it,
 * and `encodeLaunchRecord` turns it into the launcher's record.
 */
export interface Launch extends Program {
  readonly engine: string;
  /** In the order in which they are started; absent: none. */
  readonly companions?: readonly Companion[];
  readonly userNamespace: UserNamespace | null;
  /** Supplementary groups that the program has in `userNamespace`, by their ids in it, beside 0; absent: none. */
  readonly groups?: readonly number[];
  /** A private mount namespace; needed for `hostMounts`. */
  readonly mountNamespace: boolean;
  /** A network namespace that belongs to the user namespace; absent: not. */
  readonly networkNamespace?: boolean;
  /**
   * A pid namespace with the launcher as its init, so that nothing outlives the run. In a user namespace it belongs to that, and IPC, UTS
   * and cgroup namespaces come with it.
   */
  readonly pidNamespace: boolean;
  /** Carried out before the user namespace is entered, with the caller's rights. */
  readonly hostMounts: readonly MountOperation[];
  /** Carried out after it is entered. */
  readonly sandboxMounts: readonly MountOperation[];
  /** What `attach` attaches, for root; absent: what the daemon hands over. */
  readonly shelfTree?: ShelfTree;
  readonly cgroups: readonly CgroupDirectory[];
  /** Made first of all; what is marked for removal is removed at the end, in reverse order; absent: nothing. */
  readonly files?: readonly MadeFile[];
  /** Done when nothing of the run is left, from the last to the first, before those files go; absent: nothing. */
  readonly atEnd?: readonly EndOperation[];
  /** The daemon makes and removes `cgroups`, and moves the child into them when that names this run; absent: the launcher does. */
  readonly groupsOfRun?: string;
  /** chroot(2) to this path after the mounts; null: not. */
  readonly root: string | null;
  /** The engine's session has no controlling terminal, because the stage's own session takes it; absent: the engine's session has it. */
  readonly stageTakesTerminal?: boolean;
  /** The program is bubblewrap with --die-with-parent, which must not be killed before it has asked for that; absent: it is another. */
  readonly diesWithParent?: boolean;
  /** Refuse standard streams that give access to more than themselves, such as a directory; absent: pass them on. */
  readonly containedStreams?: boolean;
  /** Absent: no program can join the run. */
  readonly inside?: Inside;
  /** Absent: it is a run of its own. */
  readonly join?: Join;
  /** Milliseconds from the start of the launch until the command gets SIGTERM and the run is `timed-out`; null: no limit. */
  readonly deadlineMs: number | null;
}
