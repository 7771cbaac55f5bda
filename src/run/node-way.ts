import { checkStreams } from '../process/standard-streams.ts';
import { decide } from './decide.ts';
import { describeRun } from './describe-run.ts';
import { openDesktop } from './desktop.ts';
import { giveBack, type Release } from './give-back.ts';
import { chooseHooks } from './choose-hooks.ts';
import { withHooks } from './hooks.ts';
import type { Way } from './lifecycle.ts';
import { lookIntoRoot, treeOf } from './look-into-root.ts';
import { readDefaults } from './read-template-record.ts';
import type { Outcome } from '../launch/outcome.ts';
import { claimPlace } from './place.ts';
import { leaseRoot, type RunLease } from './root.ts';
import type { RunCaller } from './run-caller.ts';
import { isOnlyLaunched, type RunClient } from './run-client.ts';
import { callersStreams, type RunOptions } from './run-options.ts';
import { targetsToLookAt } from './settle-targets.ts';
import type { RunEvent } from './run-event.ts';
import { announceLaunch, supervise } from './supervise.ts';

/**
 * The way of a run that this process decides for its own caller. It stays with it to the end, or leaves the launch, and what is
 * to be given back, to `client`.
 */
export function nodeWay(caller: RunCaller, options: RunOptions, client: RunClient | null): Way<RunLease, Outcome> {
  const tell = options.onEvent ?? ((): void => {});
  const warn = (message: string): void => tell({ kind: 'warning', message });
  const held: Release[] = [];
  let withChanges: RunLease['withChanges'];
  let hasStarted = false;
  return {
    name: 'node',
    tell,
    prepare: async (request) => {
      const prepared = await decide(request, caller);
      if (client !== null && !isOnlyLaunched(prepared)) client.leaveToNode();
      if (prepared.engine.capabilities.isolates) checkStreams(options.stdio ?? callersStreams);
      return { ...prepared, facts: await openDesktop(prepared.facts, held, warn) };
    },
    lease: async ({ spec, facts }) => {
      const lease = await leaseRoot(spec, facts, { held, tell, warn, signal: options.signal, shelf: client?.shelf ?? null });
      withChanges = lease.withChanges;
      return lease;
    },
    look: async ({ rootfs, handed, onShelf }, { spec, engine: { capabilities } }) => {
      const { withoutDefaults = false } = options;
      if (handed !== undefined) return withoutDefaults ? { ...handed.view, defaults: {} } : handed.view;
      const tree = treeOf(spec, rootfs);
      const seen = { ...tree, path: onShelf?.seenAt ?? tree.path };
      return lookIntoRoot(seen, targetsToLookAt(spec, capabilities), withoutDefaults ? {} : readDefaults(seen), capabilities);
    },
    place: async ({ id, rootfs, groups, handed }, { spec, facts }) => {
      const description = describeRun(spec, id, facts.user.uid, Date.now());
      return {
        rootfs,
        ...(groups === undefined ? {} : { groups }),
        ...claimPlace({ facts, rootfs, description, runId: handed?.leased.run, held }),
      };
    },
    carry: async ({ prepared: { spec, facts }, lease: { rootfs, handed, onShelf }, place: { sandboxDirectory }, launch }) => {
      if (client !== null) {
        announceLaunch(launch, spec, options);
        const shelfTree = onShelf === undefined ? {} : { shelfTree: onShelf.tree };
        client.carryOut({ ...launch, ...shelfTree, atEnd: held.flatMap(({ atEnd }) => atEnd?.() ?? []) }, spec.command);
      }
      const given = handed === undefined ? {} : { connection: handed.connection.handOver() };
      const hooks = await chooseHooks(rootfs, { launcher: facts.files.launcher, sandboxDirectory, ...given });
      const onEvent = (event: RunEvent): void => {
        hasStarted ||= event.kind === 'started';
        tell(event);
      };
      const start = (): Promise<Outcome> => supervise(launch, spec, facts, { ...options, onEvent, ...given });
      return await withHooks(
        spec.hooks,
        hooks,
        (error) => warn(error.message),
        () => (handed === undefined ? start() : handed.told(start)),
      );
    },
    end: async (run) => {
      let outcome: Outcome | undefined;
      try {
        outcome = await run;
        if (withChanges !== undefined) await tellChanges(withChanges, options, warn);
        return outcome;
      } finally {
        // What a command did that was started counts, whatever prevented this process from seeing its end.
        const end = outcome ?? (hasStarted ? ({ kind: 'killed', signal: 'SIGKILL' } as const) : undefined);
        for (const release of held.toReversed()) await giveBack(release, end, warn);
      }
    },
  };
}

/** That it fails does not change how the run ended. */
async function tellChanges(
  withChanges: NonNullable<RunLease['withChanges']>,
  { onChanges }: RunOptions,
  warn: (message: string) => void,
): Promise<void> {
  if (onChanges === undefined) return;
  await withChanges(onChanges).catch((error: unknown) => warn(`What was changed cannot be told: ${(error as Error).message}`));
}
