import { IsolateError } from '../error.ts';
import { claimRun, type RunClaim, type RunDescription } from '../pool/claims/runs.ts';
import { ensureRuntimeDirectories } from '../pool/directories.ts';
import type { HolderId } from '../pool/holder.ts';
import type { RuntimePaths } from '../pool/paths.ts';

/** Claims a run for a client's process; remakes the state directories if somebody has removed them. Throws `state-unreadable`. */
export function claimRunFor(holder: HolderId, runtime: RuntimePaths, description: RunDescription): RunClaim {
  try {
    return claimRun(runtime, description, holder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unusable(runtime.runs, error);
  }
  ensureRuntimeDirectories(runtime, 0);
  try {
    return claimRun(runtime, description, holder);
  } catch (error) {
    throw unusable(runtime.runs, error);
  }
}

function unusable(directory: string, cause: unknown): IsolateError {
  return new IsolateError('state-unreadable', `The state directory ${directory} cannot be written.`, { cause });
}
