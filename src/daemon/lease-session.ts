import { statSync } from 'node:fs';
import { join } from 'node:path';

import { findEngine } from '../engine/registry.ts';
import { IsolateError } from '../error.ts';
import { type CloneRecord, formatLeaseName } from '../pool/state/state-file.ts';
import { findStillThere } from '../pool/state/in-place.ts';
import { readCloneRecord } from '../pool/state/transition.ts';
import { parseDataset } from '../spec/parse-name.ts';
import { defaultCommand } from '../spec/template-record.ts';
import { type Message, values } from '../wire/frame.ts';
import { parseLimits } from '../run/wire-limits.ts';
import { formatLeased } from '../run/leased.ts';
import type { Connection } from './connection.ts';
import { wantedSession } from './answer-session.ts';
import { failedOutcome } from './ended.ts';
import { checkRecipient, handOver } from './hand-over.ts';
import type { DaemonLease } from './lease.ts';
import type { Leases } from './leases.ts';
import type { RunGroups } from './run-groups.ts';
import type { Sessions } from './sessions.ts';
import { lookIntoClone } from './settle-in-clone.ts';

/** What a lease needs from the daemon. */
export interface LeaseServices {
  readonly leases: Pick<Leases, 'lease'>;
  readonly groups: Pick<RunGroups, 'open' | 'join'>;
  readonly sessions: Pick<Sessions, 'openBase'>;
}

/**
 * Answers a `lease`: a clone for a user whose launch the program in Node plans. What the client names is looked up only in the clone. The
 * lease ends with the connection. Throws the error for the client.
 */
export async function handleLease(connection: Connection, message: Message, { leases, groups, sessions }: LeaseServices): Promise<void> {
  const { peer } = connection;
  const [template = ''] = values(message, 'template');
  const [engineName = ''] = values(message, 'engine');
  const [waitMs = 0] = values(message, 'wait-ms');
  const { name: engine, capabilities } = findEngine(engineName);
  const limits = parseLimits(values(message, 'limit'));
  const command = values(message, 'argument');
  const wanted = wantedSession(message);
  const [base = 0] = values(message, 'base');
  const openBase = base === 0 ? undefined : sessions.openBase;
  checkRecipient(peer);
  // The program in Node knows whether anybody is watching.
  const sayLong = (value: string): void => connection.send('message', [{ name: 'text', value }]);
  const lease = await leases.lease({
    template: parseDataset(template),
    peer,
    engine,
    command,
    limits,
    waitMs,
    ...(wanted === undefined ? {} : { wanted }),
    signal: connection.closed,
    onLongWait: sayLong,
  });
  connection.lease = lease;
  try {
    const view = await lookIntoClone(lease, values(message, 'target'), capabilities);
    if (command.length === 0) lease.showCommand(defaultCommand(view.defaults ?? {}, lease.template) ?? []);
    const { tree } = handOver(lease, peer);
    const madeOf = openBase === undefined ? null : await openBase(lease);
    connection.trees = madeOf === null ? [tree] : [tree, { ...tree, path: madeOf.path }];
    const { path, uidMap, gidMap } = tree;
    const opened = groups.open(lease, limits);
    const session = lease.session === undefined ? {} : { session: lease.session };
    const leased = {
      id: lease.id,
      run: lease.run.runId,
      path,
      view,
      uidMap,
      gidMap,
      ...session,
      ...(madeOf === null ? {} : { base: madeOf }),
      ...(opened === undefined ? {} : { groups: opened }),
    };
    connection.send('leased', [{ name: 'json', value: formatLeased(leased) }]);
  } catch (error) {
    lease.release(failedOutcome(error));
    throw error;
  }
}

/** Answers a `join`: from the child of a launcher that carries out a run with limits, to be moved into the groups of the run. */
export async function handleJoin({ peer, send }: Connection, message: Message, { groups }: Pick<LeaseServices, 'groups'>): Promise<void> {
  const [run = ''] = values(message, 'run');
  await groups.join(peer, run);
  send('joined');
}

/** Answers a `mount`: another mount of the clone that this connection leased, in the namespace of its user. */
export async function handleMount({ lease, trees, sendTree }: Connection, number: number): Promise<void> {
  const tree = trees[number];
  if (lease === null || tree === undefined) throw new IsolateError('not-permitted', 'This connection has no clone to mount.');
  // If the clone is no longer mounted, its mountpoint shows a directory of the host.
  const state = readState(lease);
  if (state === null || findStillThere(state, lease.pool.shelf.find) === null)
    throw new IsolateError('template-not-mounted', `The clone at ${tree.path} is no longer mounted.`);
  // The others are of this lease alone, and mounted as long as it lasts.
  await sendTree({ ...tree, device: number === 0 ? state.device : statSync(tree.path).dev });
}

function readState({ id, pool }: DaemonLease): CloneRecord | null {
  return readCloneRecord(join(pool.paths.leased, formatLeaseName(id, pool.holder)), id);
}
