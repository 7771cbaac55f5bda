import { dirname, join } from 'node:path';

import type { EndOperation } from '../../launch/launch.ts';
import { claimPath, makeClaim } from '../claims/claims.ts';
import { readHolder } from '../holder.ts';
import type { PoolFiles } from '../pool.ts';
import { hasRefresher, isBeingRefreshed } from '../claims/refresher.ts';
import { startDetached } from '../../process/detached.ts';
import { findOwnFiles } from '../../host/own-files.ts';

/**
 * Has what runs left of a template destroyed in the background, where nothing refreshes its pool: by `isolate refresh
 * --skip-create` in a process of its own, which nobody waits for. One at a time is enough for however many runs end.
 */
export function tidyUp(pool: PoolFiles): void {
  if (hasRefresher(pool) || isBeingRefreshed(pool)) return;
  const pid = startDetached(...tidier(pool));
  const holder = pid === null ? null : readHolder(pid);
  // It takes its claim back when it has the pool's lock, which then speaks for it.
  if (holder !== null) makeClaim(pool, 'tidying', holder);
}

/** `tidyUp` for a launcher. */
export function tidyUpByLauncher(pool: PoolFiles): readonly EndOperation[] {
  if (hasRefresher(pool)) return [];
  const [path, words] = tidier(pool);
  return [
    { kind: 'start', path, words: Buffer.from(`${words.join('\0')}\0`), claim: claimPath(pool, 'tidying'), boot: pool.holder.bootId },
  ];
}

function tidier({ template }: PoolFiles): [file: string, words: readonly string[]] {
  return [join(dirname(findOwnFiles().launcher), 'isolate'), ['refresh', '--quiet', '--skip-create', '--', template]];
}
