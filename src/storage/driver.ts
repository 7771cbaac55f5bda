import type { Rootfs, StoredOwnership } from '../rootfs/rootfs.ts';
import type { IsolateError } from '../error.ts';

/** What a driver can do; the pool asks for these, never for a driver's name. */
export interface StorageCapabilities {
  /** `destroy` takes many clones in one command. */
  readonly batchDestroy: boolean;
  /** How many `create` calls may run at once; 1: nothing that mounts may run beside anything else that mounts. */
  readonly parallelCreates: number;
  /** `destroy` notices that a clone is still in use. */
  readonly busyDetection: boolean;
  /** Clones can be mounted idmapped, so files keep their natural owners on disk. */
  readonly idmappedMounts: boolean;
  /** A pool of fresh clones is worth having; false: made at the start of a run and removed at its end. */
  readonly pooled: boolean;
}

/** The state clones are made from: for zfs a snapshot. `guid` never names anything else, `created` sorts. */
export interface Source {
  readonly template: string;
  readonly name: string;
  readonly guid: string;
  /** Data sets that are mounted within the template and are not part of it, so clones are without them; absent: there are none. */
  readonly leftOut?: readonly string[];
}

/** A clone of ours as the storage knows it. `id` is unique within the template: decimal digits. */
export interface CloneInfo {
  readonly id: string;
  readonly guid: string;
  readonly source: string;
  /** Carries our mark; false: what a crash between making and marking leaves. */
  readonly marked: boolean;
  /** Kept for the user; never touched. */
  readonly kept: boolean;
  /** Milliseconds since 1970, or null where the storage does not say. */
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

/** `gone`: destroyed, or was not there. `refused`: it is not what the reference says, or not ours. */
export type DestroyResult =
  | { readonly id: string; readonly outcome: 'gone' }
  | { readonly id: string; readonly outcome: 'busy' | 'refused' | 'failed'; readonly error: IsolateError };

/** A process that is in a clone, or whose mount namespace still has it mounted. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
}

export interface CreateOptions {
  /** Shift the owners of every file by these bases while making, because the storage cannot be mounted idmapped. */
  readonly shift: Extract<StoredOwnership, { kind: 'shifted' }> | null;
  /** Directory (root's alone) below which clones are mounted, one directory an id. */
  readonly mountDirectory: string;
  /** Told of each clone as soon as there is nothing left to do for it, while others are still worked on; a driver may leave it out. */
  readonly onReady?: (result: CreateResult) => Promise<void>;
  /** Wraps the part of the work that mounts, for storage on which nothing else may mount meanwhile. */
  readonly whileMounting?: <T>(act: () => Promise<T>) => Promise<T>;
}

/** State of the storage a template lives on. */
export interface StorageHealth {
  readonly implementation: string;
  readonly version: string;
  /** 0..1, or null where unknown. */
  readonly freeFraction: number | null;
}

/**
 * A storage implementation, bound to one template. All members throw IsolateError only; those that take arrays answer
 * per clone and never stop at the first failure. Nothing here hangs: every external command has a time limit.
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
  /** Only our own clones of this template, in one command whatever their number; also where the template is not there any more. */
  readonly list: () => Promise<readonly CloneInfo[]>;
  /** Unmounts and destroys after checking identity again. Never forced, never recursive beyond the clone's own snapshots. */
  readonly destroy: (refs: readonly CloneRef[]) => Promise<readonly DestroyResult[]>;
  /** From /proc. */
  readonly holders: (ref: CloneRef) => Promise<readonly Holder[]>;
}
