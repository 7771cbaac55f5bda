import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import { makeClaim } from '../../src/pool/claims/claims.ts';
import { runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { openPoolFiles } from '../../src/pool/pool.ts';
import { refresh } from '../../src/upkeep/refresh-template.ts';
import type { RefreshReport } from '../../src/upkeep/report.ts';
import { isolate } from './isolate.ts';
import type { ZfsTemplate } from './zfs-template.ts';

/** Says of a pool, whose state has to be there, that this process refreshes it, so that runs leave their clones to it; the result takes it back. */
export function claimToRefresh(template: string): () => void {
  return makeClaim(openPoolFiles({ template, runtime: runtimePaths(systemRuntimeDirectory) }), 'watching');
}

/**
 * Repeats a refresh until no clone is busy: zfs-fuse ends an unmount some time after it answered. The last report, with all that were
 * destroyed and made.
 */
export async function untilFree(refreshOnce: () => Promise<RefreshReport>): Promise<RefreshReport> {
  for (let destroyed = 0, created = 0; ;) {
    const report = await refreshOnce();
    destroyed += report.destroyed;
    created += report.created;
    if (report.busy.length === 0) return { ...report, destroyed, created };
    // A refresh leaves a busy clone alone for a while.
    await sleep(100);
  }
}

/** The same for the command. */
export async function refreshUntilFree(...words: readonly string[]): Promise<RefreshReport> {
  return await untilFree(async () => {
    const { status, stdout, stderr } = await isolate(['refresh', '--json', ...words]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return JSON.parse(stdout) as RefreshReport;
  });
}

/** The clones after a refresh, if there are any: it destroys those that were busy when they were to go, and leaves fresh ones alone. */
export async function clonesLeft({ dataset, clones }: ZfsTemplate): Promise<readonly string[]> {
  if ((await clones()).length > 0) await refresh({ template: dataset, skipCreate: true });
  return await clones();
}
