import type { Launch } from '../launch/launch.ts';
import type { RunRequest } from '../spec/request.ts';
import type { Outcome } from '../launch/outcome.ts';
import { predictedWay } from './predict-root.ts';
import { live, plan as planRun } from './lifecycle.ts';
import { nodeWay } from './node-way.ts';
import { withOwnPlaces } from './own-places.ts';
import { ownCaller } from './run-caller.ts';
import type { RunClient } from './run-client.ts';
import type { RunOptions } from './run-options.ts';

/**
 * Runs a command in a throw-away root and returns how it ended. Throws IsolateError if the command was not run. Whatever happens, the
 * clone is given back, and everything that was started or mounted is gone.
 */
export function run(request: RunRequest, options: RunOptions = {}): Promise<Outcome> {
  return runFor(null, request, options);
}

/** The same, but for the launch of a run that `client` can carry out: then it does not return. */
export async function runFor(client: RunClient | null, request: RunRequest, options: RunOptions): Promise<Outcome> {
  const caller = ownCaller();
  return await withOwnPlaces(caller.uid, caller.environment, () => live(request, nodeWay(caller, options, client)));
}

/**
 * The launch of a request on a clone that does not exist, for `--dry-run`. Leases and starts nothing. `onEvent` gets a `notice` of what
 * cannot be known before the run.
 */
export async function plan(request: RunRequest, { onEvent = () => {} }: Pick<RunOptions, 'onEvent'> = {}): Promise<Launch> {
  const caller = ownCaller();
  return await withOwnPlaces(caller.uid, caller.environment, async () => (await planRun(request, predictedWay(caller, onEvent))).launch);
}
