import { templateCount } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { IsolateError } from '../error.ts';
import type { RefreshReport } from './report.ts';
import { watchPools } from './watch.ts';
import { checkCount, openTemplatePool, type RefreshRequest } from './refresh-template.ts';

/** Which pools to maintain at which size, until when, and the callbacks. */
export interface WatchRequest {
  readonly pools: readonly Pick<RefreshRequest, 'template' | 'count'>[];
  readonly signal: AbortSignal;
  readonly onReport?: (report: RefreshReport) => void;
  /** Called for a failed refresh, which is tried again. */
  readonly onError?: (error: IsolateError) => void;
}

/** Refreshes the pools now and whenever a run on one of them ends, until `signal` is aborted. Throws IsolateError; root only. */
export async function watch({ pools, signal, onReport, onError }: WatchRequest): Promise<void> {
  for (const { count } of pools) checkCount(count);
  const opened = await Promise.all(pools.map(async ({ template }) => openTemplatePool(template)));
  const config = await loadConfig();
  const watched = opened.map((pool, index) => {
    const count = pools[index]?.count ?? templateCount(config, pool.template);
    return { pool, ...(count === null ? {} : { count }) };
  });
  await watchPools(watched, {
    signal,
    ...(onReport === undefined ? {} : { onReport }),
    ...(onError === undefined ? {} : { onFailure: onError }),
  });
}
