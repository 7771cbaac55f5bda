import { dirname, join } from 'node:path';

import type { EndOperation } from '../../launch/launch.ts';
import { claimPath, makeClaim } from '../claims/claims.ts';
import { readHolder } from '../holder.ts';
import type { PoolFiles } from '../pool.ts';
import { hasRefresher, isBeingRefreshed } from '../claims/refresher.ts';
import { startDetached } from '../../process/detached.ts';
import { findOwnFiles } from '../../host/own-files.ts';

/**
 * Destroys used clones of a template in the background, if nothing refreshes its pool, with `isolate refresh --skip-create` in a process
 * that nobody waits for. One at a time is enough, however many runs end.
 */
export function tidyUp(pool: PoolFiles): void {
  if (hasRefresher(pool) || isBeingRefreshed(pool)) return;
  const pid = startDetached(...tidier(pool));
  const holder = pid === null ? null : readHolder(pid);
  // It removes its claim when it has the pool's lock, which then takes its place.
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
