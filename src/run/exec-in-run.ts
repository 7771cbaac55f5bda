import { type ExecRequest, planExec } from '../engine/exec.ts';
import { findOwnFiles } from '../host/own-files.ts';
import type { Join } from '../launch/join.ts';
import type { Outcome } from '../launch/outcome.ts';
import { checkStreams } from '../process/standard-streams.ts';
import type { RunClient } from './run-client.ts';
import { callersStreams, type RunOptions } from './run-options.ts';
import { announceLaunch, supervise } from './supervise.ts';

/** A run that a command joins. */
export interface JoinedRun extends Omit<Join, 'kind'> {
  readonly engine: string;
}

/**
 * Runs one more command in a run that is under way, as the user of the run, and returns how it ended. Throws IsolateError if it was not
 * run. A `client` carries it out itself: then this does not return.
 */
export async function execInRun(
  client: Pick<RunClient, 'carryOut'> | null,
  run: JoinedRun,
  request: ExecRequest,
  options: RunOptions,
): Promise<Outcome> {
  const launch = planExec(run, request);
  checkStreams(options.stdio ?? callersStreams);
  if (client === null) return await supervise(launch, request, { files: findOwnFiles() }, options);
  announceLaunch(launch, request, options);
  return client.carryOut(launch, request.command);
}
