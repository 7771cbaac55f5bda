import { expect } from 'vitest';

import { makeClaim } from '../../src/pool/claims/claims.ts';
import { runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { openPoolFiles } from '../../src/pool/pool.ts';
import type { RefreshReport } from '../../src/upkeep/report.ts';
import { isolate } from './isolate.ts';

/** Says of a pool, whose state has to be there, that this process refreshes it, so that runs leave their clones to it; the result takes it back. */
export function claimToRefresh(template: string): () => void {
  return makeClaim(openPoolFiles({ template, runtime: runtimePaths(systemRuntimeDirectory) }), 'watching');
}

/** Refreshes until no clone is busy: zfs-fuse ends an unmount some time after it answered. The last report, with all that were destroyed. */
export async function refreshUntilFree(...words: readonly string[]): Promise<RefreshReport> {
  for (let destroyed = 0; ;) {
    const { status, stdout, stderr } = await isolate(['refresh', '--json', ...words]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const report = JSON.parse(stdout) as RefreshReport;
    destroyed += report.destroyed;
    if (report.busy.length === 0) return { ...report, destroyed };
  }
}
