import type { Launch } from '../launch/launch.ts';
import type { Outcome } from '../launch/outcome.ts';
import { rootOfSession } from '../run/find-session.ts';
import { findHostDefaults } from '../run/host-defaults.ts';
import { plan as planRun, run as runRequest } from '../run/run.ts';
import type { RunOptions } from '../run/run-options.ts';
import type { RunRequest } from '../spec/request.ts';
import { placesOfCaller } from './caller-places.ts';
import { findRunTemplate } from './find-run-template.ts';
import { listNames } from './list-names.ts';

/**
 * Runs a command in a throw-away root and returns how it ended. Throws IsolateError if the command was not run. Whatever happens, the
 * clone is given back, and everything that was started or mounted is gone.
 */
export async function run(request: RunRequest, options: RunOptions = {}): Promise<Outcome> {
  return await runRequest(await withTemplate(request), options);
}

/** The launch of a request on a clone that does not exist, for `--dry-run`. Leases and starts nothing. */
export async function plan(request: RunRequest): Promise<Launch> {
  return await planRun(await withTemplate(request));
}

/** Of the settings only the place of the host's templates counts. */
async function withTemplate(request: RunRequest): Promise<RunRequest> {
  if (request.session !== undefined) return await rootOfSession(request, request.session);
  if (request.clone === undefined) return request;
  const { store } = await findHostDefaults();
  return await findRunTemplate(request, placesOfCaller(store), listNames);
}
