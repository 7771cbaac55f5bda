import type { Bind, Passthrough } from './spec.ts';

/** A bind of a host's path. */
export interface HostBind extends Bind {
  readonly source: string;
}

/**
 * A caller's request: the library's argument, and the form of a parsed command line. Only one of `clone`, `zfs` and `template` is
 * required. Numbers may be given as the text that a user typed, so that they are checked in one place.
 */
export interface RunRequest {
  /** The template's default unless given. */
  readonly command?: readonly string[];
  /** The default engine unless given. */
  readonly engine?: string;
  /** A template by its dataset, its directory or its name: run on a fresh clone of it. */
  readonly clone?: string;
  /** Dataset: run on a fresh clone of its newest snapshot. */
  readonly zfs?: string;
  /** Directory: run on it, or with `ephemeral` on a throw-away overlay of it. */
  readonly template?: string;
  readonly ephemeral?: boolean;
  /** What makes the clone of a directory: `auto`, `overlay`, `btrfs` or `dir`; `auto` unless given. */
  readonly storage?: string;
  /** Keep the root as a session: its name, or true for one that isolate chooses. */
  readonly keep?: string | true;
  /** The same if the command does not exit with 0. */
  readonly keepOnFailure?: string | true;
  /** At the end, tell what was changed in the root. */
  readonly diff?: boolean;
  /** The session whose root it is that `zfs`, or `template` with `ephemeral`, names. */
  readonly session?: string;
  readonly readOnly?: boolean;
  /** `HOST[:GUEST][:ro|:rw]`, or in parts. */
  readonly binds?: readonly (string | HostBind)[];
  /** `TARGET[:SIZE]`: empty memory file systems. */
  readonly tmpfs?: readonly string[];
  /** `TYPE:TARGET=SOURCE` (docs/options.md). */
  readonly mounts?: readonly string[];
  /** `NAME=VALUE`, `NAME:VALUE` or `NAME`; or a record. */
  readonly environment?: readonly string[] | Readonly<Record<string, string>>;
  /** Files of `NAME=VALUE` lines; `environment` overrides them. */
  readonly environmentFiles?: readonly string[];
  /** Absolute, in the sandbox; the template's default or `/` unless given. */
  readonly workingDirectory?: string;
  /** `NAME|UID[:GROUP|GID]` of the sandbox's own /etc/passwd and /etc/group; the template's default or root unless given. */
  readonly user?: string;
  /** Host name of the sandbox; the template's name unless given. */
  readonly hostname?: string;
  readonly uidBase?: number | string;
  readonly gidBase?: number | string;
  readonly shareNetwork?: boolean;
  readonly passthrough?: readonly Passthrough[];
  /** Percent of one processor. */
  readonly cpuPercent?: number | string;
  /** Bytes, or a size such as `512M`. */
  readonly memory?: number | string;
  readonly pids?: number | string;
  /** Processors of a machine; 1 unless given. */
  readonly cpus?: number | string;
  /** `TAG=FILE[,format=raw|qcow2][,ro]`: disks of a machine. */
  readonly disks?: readonly string[];
  /** One network card of a machine each: `dhcp`, or its addresses and routes (docs/options.md). */
  readonly networks?: readonly string[];
  /** The image of the kernel that a machine boots; isolate's own unless this or `kernelVersion` is given. */
  readonly kernel?: string;
  /** The release of that kernel, whose image is in /boot unless `kernel` is given. */
  readonly kernelVersion?: string;
  /** The directory with modules by release; /lib/modules unless given. */
  readonly modules?: string;
  /** Show what the kernel and the init of a machine say. */
  readonly debugInit?: boolean;
  /** `auto`, `kvm` or `tcg`; `auto` unless given. */
  readonly acceleration?: string;
  readonly timeoutSeconds?: number | string;
  /** Between the first SIGTERM and SIGKILL; 10 unless given. */
  readonly killAfterSeconds?: number | string;
  /** How long to wait for a free clone; 10 unless given. */
  readonly waitSeconds?: number | string;
  /** false: without the system-call filter. */
  readonly seccomp?: boolean;
  /** Let i386 programs make sockets by socketcall(2), whose address family the filter cannot see. */
  readonly socketcall?: boolean;
  /** Shell commands run on the host with ROOTFS set. */
  readonly preHook?: string;
  readonly postHook?: string;
  /** The bridge of the veth that `shareNetwork` gives; by default `br_vm`, or `lxcbr0` if only that one exists. */
  readonly netBridge?: string;
  /** Give the sandbox /dev/net/tun. */
  readonly tun?: boolean;
  /** File for the log of the engine itself. */
  readonly lxcLog?: string;
}

/** A request with its engine, completed from the variables of its caller's environment. */
export type CompleteRequest = RunRequest & { readonly engine: string };

/** What `resolveSpec` needs to know about the caller; it takes nothing from the process itself. */
export interface Caller {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute; null: it was removed, so nothing can be relative to it. */
  readonly cwd: string | null;
  /** Text of an environment file; may throw anything, which becomes the cause of a `bad-environment`. */
  readonly readFile: (path: string) => string;
}
