import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';

import type { Launch } from '../launch/launch.ts';
import type { LaunchHandle } from '../process/launch.ts';
import { checkStreams } from '../process/standard-streams.ts';
import type { RunDescription } from '../pool/claims/runs.ts';
import { type Rootfs, sourceOf } from '../rootfs/rootfs.ts';
import type { RunRequest } from '../spec/request.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import { decide } from './decide.ts';
import { withDesktop } from './desktop.ts';
import type { HandedOverHooks } from './handed-over-hook.ts';
import { type HookRunner, hostHooks, withHooks } from './hooks.ts';
import type { Outcome, RunEvent } from './outcome.ts';
import { withOwnPlaces } from './own-places.ts';
import { withPlace } from './place.ts';
import { withRoot } from './root.ts';
import { ownCaller, type RunCaller } from './run-caller.ts';
import { assumeWhole, settleInView, settleTargets } from './settle-targets.ts';
import { callersStreams, type Streams, supervise } from './supervise.ts';
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
  const caller = ownCaller();
  return await withOwnPlaces(caller.uid, caller.environment, () => runFor(caller, request, options));
}

async function runFor(caller: RunCaller, request: RunRequest, options: RunOptions): Promise<Outcome> {
  const decision = await decide(request, caller);
  const { spec, engine, facts: found } = decision;
  if (engine.capabilities.isolates) checkStreams(options.stdio ?? callersStreams);
  const warn = (message: string): void => options.onEvent?.({ kind: 'warning', message });
  const onWaiting = (message: string): void => options.onEvent?.({ kind: 'waiting', message });
  const onNotice = (message: string): void => options.onEvent?.({ kind: 'notice', message });
  for (const message of describeGivenAway(decision)) onNotice(message);
  return await withDesktop(found, warn, async (facts) =>
    withRoot(spec, facts, { warn, onWaiting, onNotice, signal: options.signal }, async ({ id, rootfs, groups, handed }) => {
      const context = { rootfs, facts, capabilities: engine.capabilities };
      const settled = handed === undefined ? settleTargets(spec, context) : settleInView(spec, handed.view, context);
      for (const message of settled.warnings) warn(message);
      const description = describeRun(spec, id, facts.user.uid, Date.now());
      return await withPlace({ facts, rootfs, description, warn }, async (place) => {
        const launch = engine.plan({
          spec: settled.spec,
          findings: settled.findings,
          rootfs,
          facts,
          ...place,
          ...(groups === undefined ? {} : { groups }),
        });
        const given = handed === undefined ? {} : { connection: handed.connection.handOver() };
        const start = (): Promise<Outcome> => supervise(launch, spec, facts, { ...options, ...given });
        return await withHooks(
          spec.hooks,
          await chooseHooks(rootfs, { launcher: facts.files.launcher, sandboxDirectory: place.sandboxDirectory, ...given }),
          (error) => warn(error.message),
          () => (handed === undefined ? start() : handed.told(start)),
        );
      });
    }),
  );
}

/** A clone that is handed over is nowhere on this host for a hook to see it. */
async function chooseHooks(
  rootfs: Rootfs,
  { launcher, sandboxDirectory, connection }: Pick<HandedOverHooks, 'launcher' | 'sandboxDirectory'> & { readonly connection?: Socket },
): Promise<HookRunner> {
  const [part] = rootfs.parts;
  if (connection === undefined || part.kind !== 'given') return hostHooks(rootfs);
  const { handedOverHooks } = await import('./handed-over-hook.ts');
  return handedOverHooks({ launcher, connection, sandboxDirectory, maps: part.ownership });
}

/** What `isolate ps` shows of a run. */
export function describeRun({ root, engine, command }: SandboxSpec, clone: string, uid: number, sinceMs: number): RunDescription {
  return root.kind === 'zfs'
    ? { template: root.dataset, clone, engine, command, uid, sinceMs }
    : { template: root.path, clone: root.ephemeral ? clone : null, engine, command, uid, sinceMs };
}

/** The launch of a request on a clone that does not exist: what `--dry-run` prints. Leases and starts nothing. */
export async function plan(request: RunRequest): Promise<Launch> {
  const caller = ownCaller();
  return await withOwnPlaces(caller.uid, caller.environment, async () => {
    const { spec, engine, facts } = await decide(request, caller);
    const { imagineRoot } = await import('./imagine-root.ts');
    const imagined = await imagineRoot(spec, facts);
    const context = { rootfs: imagined.rootfs, facts, capabilities: engine.capabilities };
    const settled = existsSync(sourceOf(imagined.rootfs))
      ? settleTargets(spec, context)
      : { spec, findings: assumeWhole(spec, engine.capabilities) };
    return engine.plan({ facts, ...imagined, spec: settled.spec, findings: settled.findings });
  });
}
