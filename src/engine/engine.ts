import type { ErrorCode } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { CgroupDirectory, Launch } from '../launch/launch.ts';
import type { Rootfs } from '../rootfs/rootfs.ts';
import type { Feature } from '../spec/features.ts';
import type { CheckedSpec, SandboxSpec } from '../spec/spec.ts';

/** What an engine can do. Callers ask for these, never for an engine's name; `--help` and `doctor` print them. */
export interface EngineCapabilities {
  /** The command sees only its own root, processes, IPC, hostname. */
  readonly isolates: boolean;
  /** Features that options may ask for and not every engine has. */
  readonly features: readonly Feature[];
  /** Variables of the caller's environment that it reads, besides those for every engine. */
  readonly variables: readonly string[];
  /** A sandbox has its own network unless `-n` is given. */
  readonly network: 'always-shared' | 'optional';
  /** Directories of the rootfs that the engine mounts over; missing ones are made. */
  readonly mountpoints: readonly string[];
  /** Where every sandbox has a file system of the engine instead of files of the rootfs. */
  readonly ownTrees: readonly string[];
  /**
   * The system-call filter of the command; `smaller`: one that allows the calls that the engine's own init makes; `outside`: the command
   * has none, because it calls another kernel, whose machine is under the whole one.
   */
  readonly seccomp: 'whole' | 'smaller' | 'outside';
  /** Memory that the engine takes beside what a limit gives to the command, in bytes; absent: it counts as the command's. */
  readonly ownMemoryBytes?: number;
  /** Whose kernel runs the command. */
  readonly kernel: 'hosts' | 'own';
  /** The command can make namespaces, and see in them the cgroups that the run is in. */
  readonly nests: boolean;
  /** Works without root (over a directory). */
  readonly unprivileged: boolean;
}

/** One reason why a spec cannot run here. The first one becomes the error, all are listed by `--json` and `--dry-run`. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

/** A mountpoint or bind target to make before anything is mounted. */
export interface Missing {
  readonly path: string;
  /** The target of the bind in whose source it is made; absent: the rootfs. */
  readonly within?: string;
}

/** What was found in the rootfs, as far as a plan depends on it. Paths have no symbolic links. */
export interface Findings {
  /** Where /tmp is: a template may have a link there. */
  readonly tmp: string;
  readonly missing: readonly Missing[];
  /** The real path of /etc/hosts, to whose copy the sandbox's name is added; null: nothing is added. */
  readonly hosts: string | null;
}

/** The cgroups that the daemon makes for a run, whose id is 16 hex digits. */
export interface GivenGroups {
  readonly run: string;
  readonly directories: readonly CgroupDirectory[];
}

/** What a plan is made of. */
export interface PlanInput {
  /** With the targets of binds as they really are in the rootfs, outer ones first. */
  readonly spec: SandboxSpec;
  readonly findings: Findings;
  readonly rootfs: Rootfs;
  /** The cgroups of the run's limits, if the daemon makes them and moves the run into them; absent: the launcher does. */
  readonly groups?: GivenGroups;
  readonly facts: Facts;
  /** 16 hex digits, unique on this host. */
  readonly runId: string;
  /** Numbers the id range of the lease; 0 is shared by shifted clones. */
  readonly idSlot: number;
  /** An empty directory that anyone may enter; root's launches mount over it in their own mount namespace. */
  readonly sandboxDirectory: string;
}

/** An engine: a capability record and two pure functions. */
export interface Engine {
  readonly name: string;
  readonly summary: string;
  readonly capabilities: EngineCapabilities;
  /** Every reason why `spec` cannot run on `facts` with this engine; called before anything is leased. */
  readonly check: (spec: CheckedSpec, facts: Facts) => readonly Problem[];
  /** The decision. Throws IsolateError only for what `check` cannot see (the rootfs). */
  readonly plan: (input: PlanInput) => Launch;
}
