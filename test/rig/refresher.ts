import { makeClaim } from '../../src/pool/claims/claims.ts';
import { runtimePaths, systemRuntimeDirectory } from '../../src/pool/paths.ts';
import { openPoolFiles } from '../../src/pool/pool.ts';

/** Says of a pool, whose state has to be there, that this process refreshes it, so that runs leave their clones to it; the result takes it back. */
export function claimToRefresh(template: string): () => void {
  return makeClaim(openPoolFiles({ template, runtime: runtimePaths(systemRuntimeDirectory) }), 'watching');
}
