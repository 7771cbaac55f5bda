import { dirname, join } from 'node:path';

import { makeClaim } from '../claims/claims.ts';
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
  const isolate = join(dirname(findOwnFiles().launcher), 'isolate');
  const pid = startDetached(isolate, ['refresh', '--quiet', '--skip-create', '--', pool.template]);
  const holder = pid === null ? null : readHolder(pid);
  // It takes its claim back when it has the pool's lock, which then speaks for it.
  if (holder !== null) makeClaim(pool, 'tidying', holder);
}
