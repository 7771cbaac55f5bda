import { readlinkSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import type { SandboxIds } from '../host/facts.ts';
import type { RuntimePaths } from '../pool/paths.ts';
import { encodeLaunchRecord } from '../launch/record.ts';
import { type Decision, decide } from '../run/decide.ts';
import { describeGivenAway } from '../run/notices.ts';
import { claimIds } from '../run/place.ts';
import { settleInView, targetsToLookAt } from '../run/settle-targets.ts';
import { rootfsOf } from '../rootfs/rootfs.ts';
import { parseDataset } from '../spec/parse-name.ts';
import { defaultEngine } from '../spec/resolve-spec.ts';
import { type Message, values } from '../wire/frame.ts';
import { clientCaller } from './client-caller.ts';
import type { CommandLine } from './command-line.ts';
import type { Connection } from './connection.ts';
import { failedOutcome } from './ended.ts';
import type { HandOver } from './hand-over.ts';
import type { DaemonLease, Leases } from './leases.ts';
import { type Peer, sameMountNamespace } from './peer.ts';
import { hasNested, lookIntoClone } from './settle-in-clone.ts';

/** What a run needs of the daemon. */
export interface RunServices {
  readonly commandLine: CommandLine;
  readonly leases: Pick<Leases, 'lease' | 'checkAccess'>;
  readonly paths: RuntimePaths;
  /** Whether the daemon keeps a pool of this template. */
  readonly keeps: (template: string) => boolean;
  /** Makes a clone ready to be handed to a user. */
  readonly handOver: HandOver;
  /** What the settings give root's sandboxes. */
  readonly sandboxIds: () => SandboxIds | null;
}

/**
 * Answers a `run`: decides it for the client, leases a clone and sends the launch, or `fallback` where the program in Node
 * has to do it. Nothing is leased before it is certain that the run can be; what was leased is given back when the
 * connection ends. While a clone is waited for nothing keeps the message in memory.
 */
export function handleRun(connection: Connection, message: Message, services: RunServices): Promise<void> {
  return decideRun(connection, message, services).then((decided) =>
    decided === null ? connection.send('fallback') : leaseAndLaunch(connection, decided, services),
  );
}

/** What a command line comes to. */
interface Decided {
  readonly decision: Decision;
  readonly quiet: boolean;
  /** Somebody may look on: standard error is a terminal. */
  readonly isWatched: boolean;
}

async function leaseAndLaunch(connection: Connection, { decision, quiet, isWatched }: Decided, services: RunServices): Promise<void> {
  const say = (notice: string): void => connection.send('message', [{ name: 'text', value: services.commandLine.renderNotice(notice) }]);
  const sayLong = isWatched && !quiet ? say : () => {};
  for (const notice of quiet ? [] : describeGivenAway(decision)) say(notice);
  const lease = await services.leases.lease({
    template: templateOf(decision),
    peer: connection.peer,
    engine: decision.engine.name,
    command: decision.spec.command,
    waitMs: decision.spec.waitMs,
    signal: connection.closed,
    onLongWait: sayLong,
  });
  connection.lease = lease;
  try {
    const launch = await planLaunch(decision, { lease, connection, services, sayLong });
    if (launch !== null) return connection.send('launch', [{ name: 'record', value: launch }]);
    lease.release();
    connection.lease = null;
    connection.send('fallback');
  } catch (error) {
    lease.release(failedOutcome(error));
    throw error;
  }
}

/** Of the bits of `terminal`. */
const standardError = 4;

/**
 * Null: not for us. Whether the client may use the template is settled before anything else about it is looked at, so that the
 * answer tells nothing more. Whatever is wrong with it the program in Node finds as well, and says so in its words. */
async function decideRun(
  connection: Connection,
  message: Message,
  { commandLine, leases, keeps, sandboxIds }: RunServices,
): Promise<Decided | null> {
  const words = values(message, 'argument');
  if (isLong(words)) return null;
  const parsed = commandLine.parse(words);
  if (parsed === null || !parsed.carriedByLauncher) return null;
  const { request, quiet } = parsed;
  if (request.zfs === undefined || !isDataset(request.zfs)) return null;
  const { peer } = connection;
  // Root may use all, also where the settings are of no use.
  if (peer.uid !== 0) leases.checkAccess({ peer, template: request.zfs, engine: request.engine ?? defaultEngine });
  if (!keeps(request.zfs)) return null;
  if (!seesOurPaths(peer)) {
    connection.send('message', [{ name: 'text', value: commandLine.renderNotice(`warning: ${otherMounts}`) }]);
    return null;
  }
  try {
    const decision = await decide(request, { ...(await clientCaller(request, message, connection)), sandboxIds });
    const { hooks, limits } = decision.spec;
    if (needsClient(decision.spec.binds.length, targetsToLookAt(decision.spec, decision.engine.capabilities))) return null;
    const isQuick = hooks.pre === undefined && hooks.post === undefined && Object.keys(limits).length === 0;
    const [terminals = 0] = values(message, 'terminal');
    return isQuick ? { decision, quiet, isWatched: (terminals & standardError) !== 0 } : null;
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code === 'aborted') throw error;
    return null;
  }
}

/**
 * While a command line is looked at nobody else is served, and a thousand options take longer than their number says: what is
 * longer than this is the program in Node's, at the cost of its caller.
 */
const mostWords = 1024;
const mostCharacters = 16_384;

function isLong(words: readonly string[]): boolean {
  return words.length > mostWords || words.reduce((sum, { length }) => sum + length, 0) > mostCharacters;
}

const otherMounts = 'The daemon is in another mount namespace, so this run bypasses it; isolate doctor says more.';

function isDataset(text: string): boolean {
  try {
    parseDataset(text);
    return true;
  } catch {
    return false;
  }
}

/** Root's launches name the clone by its path on this host; users are handed its tree. */
function seesOurPaths(peer: Peer): boolean {
  if (peer.uid !== 0) return true;
  try {
    return sameMountNamespace(peer) && readlinkSync(`/proc/${peer.pid}/root`) === '/';
  } catch {
    return false;
  }
}

function templateOf({ spec }: Decision): string {
  if (spec.root.kind !== 'zfs') throw new IsolateError('internal', 'The daemon got a run without a template.');
  return spec.root.dataset;
}

interface Lent {
  readonly lease: DaemonLease;
  readonly connection: Connection;
  readonly services: RunServices;
  readonly sayLong: (message: string) => void;
}

/** Null: only the client can say whether its binds go through links. */
async function planLaunch({ spec, engine, facts }: Decision, { lease, connection, services, sayLong }: Lent): Promise<Uint8Array | null> {
  const { capabilities } = engine;
  const view = await lookIntoClone(lease, targetsToLookAt(spec, capabilities), capabilities);
  const places = view.targets.map((found) => (found instanceof IsolateError ? '/' : found.path));
  if (needsClient(spec.binds.length, places)) return null;
  const settled = settleInView(spec, view, { rootfs: lease.rootfs, facts, capabilities });
  // They are for the program in Node to tell.
  if (settled.warnings.length > 0) return null;
  let { rootfs } = lease;
  if (connection.peer.uid !== 0) {
    const { part, tree } = await services.handOver(lease, connection.peer, sayLong);
    rootfs = rootfsOf(part);
    connection.tree = tree;
  }
  const { runId } = lease.run;
  const ids = claimIds(services.paths, facts, rootfs, lease.pool.holder);
  // Those of a client that may run on are freed by a refresh when it is dead.
  if (ids !== null) lease.defer((runsOn) => runsOn || ids.release());
  const place = { runId, idSlot: ids?.slot ?? 0, sandboxDirectory: services.paths.sandbox };
  const launch = engine.plan({ spec: settled.spec, findings: settled.findings, rootfs, facts, ...place });
  return encodeLaunchRecord(launch, { supervised: false, graceMs: spec.graceMs });
}

/** Only the client may look at what its binds show: the first `count` of these places are theirs. */
function needsClient(count: number, places: readonly string[]): boolean {
  const targets = places.slice(0, count);
  return hasNested(targets) || places.slice(count).some((place) => targets.some((target) => place.startsWith(`${target}/`)));
}
