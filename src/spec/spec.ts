import type { RootRef } from './root-ref.ts';

/** What kinds of images there are. */
export const imageFormats = ['raw', 'qcow2'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** A file of the host that holds a disk. */
export interface Image {
  readonly file: string;
  readonly format: ImageFormat;
}

/**
 * A path of the host (file, directory, socket or device); an empty private memory file system with mode 1777; the file system in an
 * image; or another path of the sandbox, as all other binds leave it.
 */
export type BindSource = string | { readonly memoryBytes: number } | { readonly image: Image } | { readonly inside: string };

/** A bind mount: what the sandbox sees at `target`. Paths are absolute. */
export interface Bind {
  readonly source: BindSource;
  readonly target: string;
  readonly readOnly: boolean;
  /** Added by isolate itself, and left out if it is impossible. */
  readonly optional?: true;
}

/** Parts of the host's desktop that a sandbox may be given. */
export type Passthrough = 'x11' | 'pulse' | 'wayland' | 'gpu';

/** A disk of a machine, which is neither formatted nor mounted. */
export interface Disk extends Image {
  /** Its name in /dev/disk/by-tag. */
  readonly tag: string;
  readonly readOnly: boolean;
}

/** The kernel of a machine; at least one of `file` and `release` is there in the end. */
export interface KernelWish {
  /** An image; absent: that of `release` in /boot. */
  readonly file?: string;
  /** Absent: as the image says. */
  readonly release?: string;
  /** The directory with the modules of each release; absent: /lib/modules. */
  readonly modules?: string;
}

/** An address of a network card; both kinds of IP. */
export interface CardAddress {
  readonly address: string;
  readonly prefix: number;
  readonly broadcast?: string;
}

/** A route by a network card. */
export interface CardRoute {
  readonly destination: string;
  readonly prefix: number;
  readonly gateway: string;
}

/** A network card of a machine. With `dhcp` it has what its network gives it, and neither addresses nor routes of its own. */
export interface Card {
  readonly dhcp: boolean;
  readonly mac?: string;
  readonly addresses: readonly CardAddress[];
  readonly routes: readonly CardRoute[];
}

/** Limits; absent means no limit. An engine that cannot enforce one refuses it. */
export interface Limits {
  /** Percent of one processor: 150 is one and a half. */
  readonly cpuPercent?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
}

/** How a machine can be run: with KVM if that works, with KVM, emulated. */
export const accelerations = ['auto', 'kvm', 'tcg'] as const;

/** The controller of each limit, which is also the name of its option and of its ceiling in the settings. */
export const limitNames = { cpuPercent: 'cpu', memoryBytes: 'memory', pids: 'pids' } as const satisfies Readonly<
  Record<keyof Limits, string>
>;

/** Commands of the user's own, run on the host by /bin/sh with ROOTFS set. */
export interface Hooks {
  readonly pre?: string;
  readonly post?: string;
}

/** A program and its arguments. */
export type CommandWords = readonly [string, ...string[]];

/** Whether the root of a run becomes a session. `name` null: isolate chooses one. */
export interface Keeping {
  readonly name: string | null;
  readonly when: 'always' | 'failure';
}

/** What is wanted of one run, as far as no template's defaults can change it. */
export interface FirmSpec {
  readonly engine: string;
  readonly root: RootRef;
  readonly readOnlyRoot: boolean;
  readonly binds: readonly Bind[];
  /** Absent: the template's name. */
  readonly hostname?: string;
  /** First host id of the range that becomes 0.. in the sandbox; absent: isolate chooses. */
  readonly uidBase?: number;
  readonly gidBase?: number;
  readonly shareNetwork: boolean;
  /** If `shareNetwork` connects to a bridge of the host: which one; absent: the host's usual one. */
  readonly bridge?: string;
  /** Give the sandbox the host's /dev/net/tun. */
  readonly tun: boolean;
  readonly passthrough: readonly Passthrough[];
  readonly limits: Limits;
  /** Processors of a machine; absent: one. */
  readonly cpus?: number;
  /** Disks of a machine. */
  readonly disks: readonly Disk[];
  /** Network cards of a machine; with none, `shareNetwork` gives it one with `dhcp`. */
  readonly cards: readonly Card[];
  /** What the kernel and the init of a machine say is shown. */
  readonly debugInit: boolean;
  /** Absent: isolate's own. */
  readonly kernel?: KernelWish;
  /** Absent: `auto`. */
  readonly acceleration?: (typeof accelerations)[number];
  readonly timeoutMs?: number;
  /** Time between the first SIGTERM, by the time limit or from outside, and SIGKILL. */
  readonly graceMs: number;
  /** How long to wait for a free clone. */
  readonly waitMs: number;
  readonly seccomp: boolean;
  /** The filter lets i386 programs make sockets of any address family by socketcall(2). */
  readonly socketcall: boolean;
  readonly hooks: Hooks;
  /** Absent: what is made for the run is thrown away. */
  readonly keep?: Keeping;
  /** At the end it is told what was changed in the root. */
  readonly diff?: true;
  /** Where the engine writes its own log; absent: nowhere. */
  readonly engineLog?: string;
}

/** What is wanted of one run before its template was looked at: checked once by `resolveSpec`, and never changed. */
export interface WantedSpec extends FirmSpec {
  /** Null: the template's own. */
  readonly command: CommandWords | null;
  /** Variables that the caller set. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables that the command has unless the template or the caller sets them. */
  readonly variables: Readonly<Record<string, string>>;
  /** Absent: the template's own. */
  readonly workingDirectory?: string;
  /** As in `SandboxSpec`; absent: the template's own. */
  readonly user?: string;
}

/** What is wanted of one run on its template: complete. */
export interface SandboxSpec extends FirmSpec {
  readonly command: CommandWords;
  readonly environment: Readonly<Record<string, string>>;
  /** The template's variables, which neither `environment` nor the desktop sets. */
  readonly templateEnvironment?: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /**
   * The user of the command, by the sandbox's own /etc/passwd and /etc/group: NAME or UID, then `:` with GROUP or GID where given;
   * absent: root.
   */
  readonly user?: string;
}

/** What an engine checks before there is a root; a `SandboxSpec` is one too. */
export type CheckedSpec = FirmSpec & Pick<WantedSpec, 'workingDirectory'>;
