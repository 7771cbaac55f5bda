import type { CreateOptions, StorageDriver } from '../storage/driver.ts';
import { ensurePoolDirectories, ensureRuntimeDirectories } from './directories.ts';
import { readOwnHolder } from './holder.ts';
import type { HolderId } from './holder.ts';
import { poolPaths } from './paths.ts';
import type { PoolPaths, RuntimePaths } from './paths.ts';

/** Milliseconds since 1970. */
export type Clock = () => number;

export interface PoolOptions {
  readonly driver: StorageDriver;
  readonly runtime: RuntimePaths;
  readonly clock?: Clock;
  /** Who holds what is leased; absent: this process. */
  readonly holder?: HolderId;
  /** Passed to the driver whenever a clone is made. */
  readonly shift?: CreateOptions['shift'];
  /** Told about state that could not be trusted; one full sentence each. */
  readonly warn?: (message: string) => void;
  /** Directories in which runs make their cgroups; those of dead runs are removed by a refresh. */
  readonly cgroupDirectories?: readonly string[];
  /** Called between the steps of every transition, so that tests can end the process there. */
  readonly checkpoint?: (step: string) => void;
}

/** The clones of one template and where their state lives. */
export interface Pool {
  readonly driver: StorageDriver;
  readonly runtime: RuntimePaths;
  readonly paths: PoolPaths;
  readonly clock: Clock;
  readonly holder: HolderId;
  readonly shift: CreateOptions['shift'];
  readonly warn: (message: string) => void;
  readonly cgroupDirectories: readonly string[];
  readonly checkpoint: (step: string) => void;
}

/** The pool of the driver's template; makes the state directories. Throws `state-unreadable`. */
export function openPool(options: PoolOptions): Pool {
  const paths = poolPaths(options.runtime, options.driver.template);
  const uid = process.getuid?.() ?? 0;
  ensureRuntimeDirectories(options.runtime, uid);
  ensurePoolDirectories(paths, uid);
  return {
    driver: options.driver,
    runtime: options.runtime,
    paths,
    clock: options.clock ?? Date.now,
    holder: options.holder ?? readOwnHolder(),
    shift: options.shift ?? null,
    warn: options.warn ?? (() => {}),
    cgroupDirectories: options.cgroupDirectories ?? [],
    checkpoint: options.checkpoint ?? (() => {}),
  };
}
