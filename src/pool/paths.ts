import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { escapeUnitName, unescapeUnitName } from './unit-escape.ts';

/** The directory of all of root's state of this boot. */
export const systemRuntimeDirectory = '/run/isolate';

/** A file name may have 255 bytes; the rest is for suffixes of a key. */
const longestKey = 200;

/** Where the state of this boot lives; see docs/storage.md. */
export interface RuntimePaths {
  readonly root: string;
  /** Empty; the launcher puts the root of each sandbox together here, in a mount namespace of its own. */
  readonly sandbox: string;
  /** Clone mounts, `<key>/<id>`; nobody but the owner can enter. */
  readonly mounts: string;
  /** Where the namespace with the mounts of fresh clones is bound. */
  readonly shelf: string;
  /** One file per template, touched when its pool has work. */
  readonly signals: string;
  readonly pools: string;
  readonly ids: string;
  readonly runs: string;
  /** Held while anything mounts, on storage that cannot mount in parallel. */
  readonly mountLock: string;
  /** Held by the daemon while it lives. */
  readonly daemonLock: string;
}

/** Where the pool of one template lives. */
export interface PoolPaths {
  readonly key: string;
  readonly directory: string;
  readonly fresh: string;
  readonly leased: string;
  /** Clones of sessions that no run uses. */
  readonly kept: string;
  readonly retired: string;
  readonly lock: string;
  readonly memory: string;
  readonly making: string;
  readonly lastRefresh: string;
  /** Exists after a run has said that nothing refreshes the pool, until the next refresh. */
  readonly told: string;
  readonly signal: string;
  readonly mounts: string;
}

/** All state directories below `root`. */
export function runtimePaths(root: string): RuntimePaths {
  return {
    root,
    sandbox: join(root, 'sandbox'),
    mounts: join(root, 'mnt'),
    shelf: join(root, 'shelf'),
    signals: join(root, 'signal'),
    pools: join(root, 'pools'),
    ids: join(root, 'ids'),
    runs: join(root, 'runs'),
    mountLock: join(root, 'mount.lock'),
    daemonLock: join(root, 'daemon.lock'),
  };
}

/** The state of `template`'s pool. */
export function poolPaths(paths: RuntimePaths, template: string): PoolPaths {
  const key = templateKey(template);
  const directory = join(paths.pools, key);
  return {
    key,
    directory,
    fresh: join(directory, 'fresh'),
    leased: join(directory, 'leased'),
    kept: join(directory, 'kept'),
    retired: join(directory, 'retired'),
    lock: join(directory, 'lock'),
    memory: join(directory, 'settings'),
    making: join(directory, 'making'),
    lastRefresh: join(directory, 'last-refresh'),
    told: join(directory, 'told'),
    signal: join(paths.signals, key),
    mounts: join(paths.mounts, key),
  };
}

/** The file name for a template: its escaped name, or a hash of it if that is too long. */
export function templateKey(template: string): string {
  const escaped = escapeUnitName(template);
  if (escaped.length > 0 && escaped.length <= longestKey) return escaped;
  // An escaped name has no "+", so a hash is never mistaken for a name.
  return `+${createHash('sha256').update(template).digest('hex')}`;
}

/** The dataset of a key; null: it is a directory's, has only the hash of a long name, or is not a key. */
export function keyTemplate(key: string): string | null {
  try {
    const template = unescapeUnitName(key);
    return template === '' || template.startsWith('/') ? null : template;
  } catch {
    return null;
  }
}
