import type { ChangedOwnership, Rootfs } from '../rootfs/rootfs.ts';
import type { IsolateError } from '../error.ts';

/** What a driver can do; the pool asks for these, never for a driver's name. */
export interface StorageCapabilities {
  /** `destroy` takes many clones in one command. */
  readonly batchDestroy: boolean;
  /** How many `create` calls may run at once; 1: nothing that mounts may run beside anything else that mounts. */
  readonly parallelCreates: number;
  /** `destroy` detects that a clone is still in use. */
  readonly busyDetection: boolean;
  /** Clones can be mounted idmapped, so files keep their natural owners on disk. */
  readonly idmappedMounts: boolean;
  /** A pool of fresh clones is worthwhile; false: clones are made when a run starts and removed when it ends. */
  readonly pooled: boolean;
}

/** The state from which clones are made, in zfs a snapshot. `guid` is unique forever; `created` sorts. */
export interface Source {
  readonly template: string;
  readonly name: string;
  readonly guid: string;
  /** Datasets mounted inside the template that are not part of it, so that clones lack them; absent: there are none. */
  readonly leftOut?: readonly string[];
}

/** A clone of ours as the storage knows it. `id` is unique within the template: decimal digits. */
export interface CloneInfo {
  readonly id: string;
  readonly guid: string;
  readonly source: string;
  /** Has our mark; false: left by a crash between making and marking. */
  readonly marked: boolean;
  /** The state that it began as, if that is not `source`: one with changed owners. */
  readonly origin?: string;
  /** Kept for the user; never touched. */
  readonly kept: boolean;
  /** What `keep` was given; absent: it is kept by nobody's session. */
  readonly session?: string;
  /** What `noteLastRun` was given. */
  readonly lastRun?: string;
  /** Milliseconds since 1970; null: the storage does not say. */
  readonly createdMs: number | null;
  readonly mountpoint: string | null;
}

/** Names one clone for `destroy`: both must match what the storage has under `id`. */
export interface CloneRef {
  readonly id: string;
  readonly guid: string;
}

export type CreateResult =
  | { readonly id: string; readonly ok: true; readonly clone: CloneInfo; readonly rootfs: Rootfs }
  | { readonly id: string; readonly ok: false; readonly error: IsolateError };

/** `gone`: destroyed, or did not exist. `refused`: it does not match the reference, or is not ours. */
export type DestroyResult =
  | { readonly id: string; readonly outcome: 'gone' }
  | { readonly id: string; readonly outcome: 'busy' | 'refused' | 'failed'; readonly error: IsolateError };

/** A process that uses a clone, or whose mount namespace still has it mounted. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
}

/** Does something while nothing else mounts or unmounts. */
export type WhileMounting = <T>(act: () => Promise<T>) => Promise<T>;

export interface CreateOptions {
  /**
   * The owners that the files of a clone have, because the storage cannot be mounted idmapped; null: those in the template. They are
   * changed once for each source and kept for later clones.
   */
  readonly owners: ChangedOwnership | null;
  /** Directory, for root alone, below which clones are mounted, one directory per id. Names with letters are the driver's own. */
  readonly mountDirectory: string;
  /** Called for each clone as soon as it is finished, while others are still being made; a driver may not call it. */
  readonly onReady?: (result: CreateResult) => Promise<void>;
  /** Wraps the part of the work that mounts, for storage on which nothing else may mount at the same time. */
  readonly whileMounting?: WhileMounting;
}

/** What says how a clone differs from what it was made of. Nothing but the caller may reach the trees. */
export interface ChangedTrees {
  /** What it was made of. */
  readonly base: string;
  /** The clone, or the layer that has what was changed. */
  readonly other: string;
  readonly form:
    /**
     * Files keep their numbers and times of change from the base, from which the clone was made at this Unix time; 0: unknown. null: they
     * keep neither.
     */
    | { readonly kind: 'trees'; readonly sameInodesSinceMs: number | null }
    /** The upper layer of an overlay, with marks in extended attributes of this kind. */
    | { readonly kind: 'layer'; readonly marks: 'trusted' | 'user' };
  readonly close: () => Promise<void>;
}

/** Where a driver gets a state to compare a clone with. */
export interface BasePlaces {
  /** For storage that shows a state only in a clone of it. */
  readonly makeBase: MakeBase;
  /** As in `CreateOptions`, for storage that mounts a state. */
  readonly mountDirectory: string;
}

/** Makes and mounts a clone of a state, by its name in the storage. A crash leaves it to the next refresh. */
export type MakeBase = (source: string) => Promise<{ readonly path: string; readonly end: () => Promise<void> }>;

/** State of the storage a template lives on. */
export interface StorageHealth {
  readonly implementation: string;
  readonly version: string;
  /** 0..1, or null where unknown. */
  readonly freeFraction: number | null;
}

/**
 * A storage implementation for one template. All members throw only IsolateError; those that take arrays answer per clone and never stop
 * at the first failure. Nothing here hangs, because every external command has a time limit.
 */
export interface StorageDriver {
  readonly name: string;
  readonly template: string;
  readonly capabilities: StorageCapabilities;
  /** Throws `pool-suspended`, `missing-tool`, `template-missing`, `template-not-filesystem`, `key-not-loaded`. */
  readonly probe: () => Promise<StorageHealth>;
  /** The newest state to clone, by creation transaction; throws `template-without-snapshot`. */
  readonly newestSource: () => Promise<Source>;
  /** Makes, marks and mounts. Idempotent: an id that exists and is ours is success. */
  readonly create: (source: Source, ids: readonly string[], options: CreateOptions) => Promise<readonly CreateResult[]>;
  /** Mounts a clone that exists, as after a restart of the host. `owners` are those that it was made with. */
  readonly mount: (clone: CloneInfo, options: Omit<CreateOptions, 'onReady'>) => Promise<CreateResult>;
  /** Only our own clones of this template, with one command whatever their number, even if the template no longer exists. */
  readonly list: () => Promise<readonly CloneInfo[]>;
  /** Unmounts and destroys after checking identity again. Never forces, and never recurses beyond the clone's own snapshots. */
  readonly destroy: (refs: readonly CloneRef[]) => Promise<readonly DestroyResult[]>;
  /**
   * Keeps a clone, with a text that `list` gives back, until it is forgotten. When it returns, a crash of the host changes nothing about it.
   * A second call replaces the text.
   */
  readonly keep: (ref: CloneRef, session: string) => Promise<void>;
  /** Adds a text to a kept clone, which `list` gives back. Absent: it would take too long for every run. */
  readonly noteLastRun?: (ref: CloneRef, lastRun: string) => Promise<void>;
  /** What a clone that is mounted at `path` was changed in. */
  readonly openChanges: (clone: CloneInfo, path: string, places: BasePlaces) => Promise<ChangedTrees>;
  /** Lets a kept clone be destroyed. */
  readonly forget: (ref: CloneRef) => Promise<void>;
  /** Bytes on disk that are these clones' alone, by id; one that is missing in the answer could not be measured. */
  readonly usage: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  /**
   * Removes what lies beside clones and none of them needs: what changing owners left, as the last `list` saw it, except that of `newest`,
   * or the places of clones that are directories. What clones are made from stays. `whileMounting` as in `CreateOptions`. Absent: there is
   * nothing.
   */
  readonly tidy?: (newest: Source | null, whileMounting?: WhileMounting) => Promise<void>;
  /** From /proc. */
  readonly holders: (ref: CloneRef) => Promise<readonly Holder[]>;
}
