import type { Launch } from '../engine/launch.ts';
import type { LaunchHandle } from '../process/launch.ts';
import type { RunDescription } from '../pool/runs.ts';
import type { RunRequest } from '../spec/request.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import { decide } from './decide.ts';
import { withDesktop } from './desktop.ts';
import { withHooks } from './hooks.ts';
import type { Outcome, RunEvent } from './outcome.ts';
import { withPlace } from './place.ts';
import { withRoot } from './root.ts';
import { settleTargets } from './settle-targets.ts';
import { type Streams, supervise } from './supervise.ts';
import { describeGivenAway } from './notices.ts';

/** How a run is watched, fed and ended. */
export interface RunOptions {
  /** The command's standard streams; the caller's own unless given. */
  readonly stdio?: Streams;
  /** Called once with the ends of the streams that are pipes. */
  readonly onStreams?: (streams: Pick<LaunchHandle, 'stdin' | 'stdout' | 'stderr'>) => void;
  /** Aborting ends the run as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** Pass the signals this process receives on to the command while it runs, as a command-line program does. */
  readonly forwardSignals?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
}

/**
 * Runs a command in a throw-away root and says how it ended. Throws IsolateError where the command was not run. The
 * clone is given back, and everything started and mounted is gone, whatever happens.
 */
export async function run(request: RunRequest, options: RunOptions = {}): Promise<Outcome> {
  const { spec, engine, facts: found } = await decide(request);
  const warn = (message: string): void => options.onEvent?.({ kind: 'warning', message });
  for (const message of describeGivenAway(spec, engine)) options.onEvent?.({ kind: 'notice', message });
  return await withDesktop(found, warn, async (facts) =>
    withRoot(spec, facts, { warn, signal: options.signal }, async ({ id, rootfs }) => {
      const settled = settleTargets(spec, rootfs, engine.capabilities.ownTrees);
      const description = describeRun(spec, id, facts.user.uid, Date.now());
      return await withPlace({ facts, rootfs, description, warn }, async (place) => {
        const launch = engine.plan({ spec: settled, rootfs, facts, ...place });
        return await withHooks(
          spec.hooks,
          rootfs,
          (error) => warn(error.message),
          () => supervise(launch, spec, facts, options),
        );
      });
    }),
  );
}

/** What `isolate ps` shows of a run. */
export function describeRun({ root, engine, command }: SandboxSpec, clone: string, uid: number, sinceMs: number): RunDescription {
  return root.kind === 'zfs'
    ? { template: root.dataset, clone, engine, command, uid, sinceMs }
    : { template: root.path, clone: root.ephemeral ? clone : null, engine, command, uid, sinceMs };
}

/** The launch of a request on a clone that does not exist: what `--dry-run` prints. Leases and starts nothing. */
export async function plan(request: RunRequest): Promise<Launch> {
  const { spec, engine, facts } = await decide(request);
  const { imagineRoot } = await import('./imagine-root.ts');
  return engine.plan({ spec, facts, ...(await imagineRoot(spec, facts)) });
}
