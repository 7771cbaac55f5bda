import type { ErrorCode } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { CgroupDirectory, Launch } from '../launch/launch.ts';
import type { Rootfs } from '../rootfs/rootfs.ts';
import type { Feature } from '../spec/features.ts';
import type { SandboxSpec } from '../spec/spec.ts';

/** What an engine can do. Callers ask for these, never for an engine's name; `--help` and `doctor` print them. */
export interface EngineCapabilities {
  /** The command sees only its own root, processes, IPC, hostname. */
  readonly isolates: boolean;
  /** What options may ask of it that not every engine can do. */
  readonly features: readonly Feature[];
  /** Variables of the caller's environment that it heeds, beside those that every engine does. */
  readonly variables: readonly string[];
  /** Whether a sandbox has a network of its own unless `-n` is given. */
  readonly network: 'always-shared' | 'optional';
  /** Directories of the rootfs that the engine mounts over; those that a rootfs lacks are made. */
  readonly mountpoints: readonly string[];
  /** Where every sandbox has a file system of the engine's own instead of the rootfs's files. */
  readonly ownTrees: readonly string[];
  /** The system-call filter; `smaller`: one that leaves the calls that the engine's own init makes. */
  readonly seccomp: 'whole' | 'smaller';
  /** The command can make namespaces of its own, and see in them the groups that the run is in. */
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

/** A mountpoint or a bind's target that is to be made before anything is mounted. */
export interface Missing {
  readonly path: string;
  /** The target of the bind whose source it is made in; absent: in the rootfs. */
  readonly within?: string;
}

/** What a look into the rootfs found, as far as a plan depends on it. Paths have no symbolic links. */
export interface Findings {
  /** Where /tmp is: a template may have a link there. */
  readonly tmp: string;
  readonly missing: readonly Missing[];
  /** The file that the sandbox's own name is added to in a copy: where /etc/hosts is; null: nothing is added. */
  readonly hosts: string | null;
}

/** The cgroups that the daemon makes for a run, which it knows by 16 hex digits. */
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
  /** The groups of the run's limits, where the daemon makes them and moves the run into them; absent: the launcher does. */
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
  readonly check: (spec: SandboxSpec, facts: Facts) => readonly Problem[];
  /** The decision. Throws IsolateError only for what `check` cannot see (the rootfs). */
  readonly plan: (input: PlanInput) => Launch;
}
