import type { CreateOptions, StorageDriver } from '../storage/driver.ts';
import { ensurePoolDirectories, ensureRuntimeDirectories } from './directories.ts';
import { readOwnHolder } from './holder.ts';
import type { HolderId } from './holder.ts';
import { poolPaths } from './paths.ts';
import type { PoolPaths, RuntimePaths } from './paths.ts';
import { type Shelf, withoutShelf } from './shelf.ts';

/** Milliseconds since 1970. */
export type Clock = () => number;

export interface PoolFilesOptions {
  readonly template: string;
  readonly runtime: RuntimePaths;
  /** The holder of leases; absent: this process. */
  readonly holder?: HolderId;
  /** Where fresh clones are mounted; absent: on the host. */
  readonly shelf?: Shelf;
  /** Called about state that cannot be trusted; one full sentence each. */
  readonly warn?: (message: string) => void;
  /** Called between the steps of every transition, so that tests can end the process there. */
  readonly checkpoint?: (step: string) => void;
}

export interface PoolOptions extends Omit<PoolFilesOptions, 'template'> {
  readonly driver: StorageDriver;
  readonly clock?: Clock;
  /** Those of fresh clones; passed to the driver whenever one is made. Absent: null. */
  readonly owners?: CreateOptions['owners'];
  /** Directories in which runs make their cgroups; a refresh removes those of dead runs. */
  readonly cgroupDirectories?: readonly string[];
}

/** The state of one template's clones: everything needed to take a fresh one and give it back. */
export interface PoolFiles {
  readonly template: string;
  readonly runtime: RuntimePaths;
  readonly paths: PoolPaths;
  readonly holder: HolderId;
  readonly shelf: Shelf;
  readonly warn: (message: string) => void;
  readonly checkpoint: (step: string) => void;
}

/** The clones of one template and the place of their state. */
export interface Pool extends PoolFiles {
  readonly driver: StorageDriver;
  readonly clock: Clock;
  readonly owners: CreateOptions['owners'];
  readonly cgroupDirectories: readonly string[];
}

/** The state of a template's pool; makes the directories. Does not touch storage. Throws `state-unreadable`. */
export function openPoolFiles(options: PoolFilesOptions): PoolFiles {
  const files = findPoolFiles(options);
  makePoolDirectories(files);
  return files;
}

/** Makes missing state directories, also of a pool that was removed after it was opened. Throws `state-unreadable`. */
export function makePoolDirectories({ runtime, paths }: Pick<PoolFiles, 'runtime' | 'paths'>): void {
  const uid = process.getuid?.() ?? 0;
  ensureRuntimeDirectories(runtime, uid);
  ensurePoolDirectories(paths, uid);
}

/** Where the state of a template's pool is or would be, for callers that only read. */
export function findPoolFiles(options: PoolFilesOptions): PoolFiles {
  const { template, runtime } = options;
  return {
    template,
    runtime,
    paths: poolPaths(runtime, template),
    holder: options.holder ?? readOwnHolder(),
    shelf: options.shelf ?? withoutShelf,
    warn: options.warn ?? (() => {}),
    checkpoint: options.checkpoint ?? (() => {}),
  };
}

/** The pool of the driver's template; makes the state directories. Throws `state-unreadable`. */
export function openPool(options: PoolOptions): Pool {
  const { driver } = options;
  return {
    ...openPoolFiles({ ...options, template: driver.template }),
    driver,
    clock: options.clock ?? Date.now,
    owners: options.owners ?? null,
    cgroupDirectories: options.cgroupDirectories ?? [],
  };
}
