import { IsolateError } from '../error.ts';
import { encodeLaunchRecord } from '../launch/record.ts';
import { decide } from '../run/decide.ts';
import type { Way } from '../run/lifecycle.ts';
import type { Prepared } from '../run/prepared.ts';
import type { RunCaller } from '../run/run-caller.ts';
import { targetsToLookAt } from '../run/settle-targets.ts';
import type { RunRequest } from '../spec/request.ts';
import { type ClientLease, type ClientRoot, leftToNode, showsNested } from './client-root.ts';
import { clientVoice } from './client-voice.ts';
import type { RunVoice } from './command-line.ts';
import type { Connection } from './connection.ts';
import { failedOutcome } from './ended.ts';
import type { LeaseOutcome } from './held.ts';

/** A client that wants a run. */
export interface RunClient {
  readonly connection: Connection;
  readonly voice: RunVoice;
  /** Told when the run is certain to be served. */
  readonly notices: readonly string[];
  /** Standard error is a terminal, so somebody may be watching. */
  readonly isWatched: boolean;
  /** Called when the client has its launch. */
  readonly onSent: () => void;
}

/** The way of a run for which the daemon decides and which its client carries out. */
export function clientWay<Lease extends ClientLease>(
  { connection, voice, notices, isWatched, onSent }: RunClient,
  caller: RunCaller,
  root: ClientRoot<Lease>,
): Way<Lease, LeaseOutcome> {
  const { tell, announce, announceCommand, logLaunch, flush } = clientVoice(connection, voice, isWatched);
  /** Until the client is asked: this holds the client's message. */
  let asker: RunCaller | null = caller;
  let isAnnounced = true;
  return {
    name: 'daemon',
    tell,
    prepare: (request) => {
      const prepared = prepare(request, asker as RunCaller);
      asker = null;
      return prepared;
    },
    lease: async (prepared) => {
      isAnnounced = prepared.spec.command !== null;
      for (const message of notices) tell({ kind: 'notice', message });
      await announce(prepared.spec);
      return await root.lease(prepared, tell);
    },
    look: root.look,
    place: (lease, prepared) => root.place(lease, prepared, tell),
    carry: ({ launch, prepared: { spec }, lease }) => {
      logLaunch(launch, spec);
      flush();
      if (!isAnnounced) announceCommand(spec);
      connection.send('launch', [
        {
          name: 'record',
          value: encodeLaunchRecord({ ...launch, ...(lease.files === undefined ? {} : { files: lease.files }) }, { supervised: false }),
        },
      ]);
      lease.send();
      onSent();
      return lease.ended;
    },
    end: async (ending) => {
      try {
        return await ending;
      } catch (error) {
        if (error !== leftToNode) flush();
        root.release(error === leftToNode ? undefined : failedOutcome(error));
        throw error;
      }
    },
  };
}

/** Whatever is wrong, the program in Node finds it too and reports it. */
async function prepare(request: RunRequest, caller: RunCaller): Promise<Prepared> {
  try {
    const prepared = await decide(request, caller);
    const { spec, engine } = prepared;
    const hasHooks = spec.hooks.pre !== undefined || spec.hooks.post !== undefined;
    if (!hasHooks && !showsNested(spec, targetsToLookAt(spec, engine.capabilities))) return prepared;
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code === 'aborted') throw error;
  }
  throw leftToNode;
}
