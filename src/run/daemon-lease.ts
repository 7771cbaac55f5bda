import { findEngine } from '../engine/registry.ts';
import { IsolateError } from '../error.ts';
import { daemonStart, hasSystemd } from '../host/daemon-start.ts';
import type { Lease } from '../pool/lease/take.ts';
import { rootfsOf } from '../rootfs/rootfs.ts';
import type { CheckedSpec, WantedSpec } from '../spec/spec.ts';
import { type Item, type Message, values } from '../wire/frame.ts';
import { type Leased, parseLeased } from './leased.ts';
import { formatLimits } from './wire-limits.ts';
import { connectDaemon, type DaemonConnection, refusalOf } from '../client/daemon-connection.ts';
import type { RootView } from './look-into-root.ts';
import { encodeOutcome, type Outcome } from '../launch/outcome.ts';
import { events } from '../launch/schema.ts';
import { targetsToLookAt } from './settle-targets.ts';

/** What comes with a clone that the daemon hands over. */
export interface Handed {
  /** What the daemon found in the clone. */
  readonly view: RootView;
  readonly leased: Leased;
  /** The launcher gets the tree over this connection. */
  readonly connection: Pick<DaemonConnection, 'handOver'>;
  /** Tells the daemon that there was no run. */
  readonly failed: () => void;
  /** Tells the daemon how `run` ended, for its audit. */
  readonly told: (run: () => Promise<Outcome>) => Promise<Outcome>;
}

/** `session`: the one that the clone is of; absent: of none. */
export type HandedLease = Lease & { readonly handed: Handed; readonly session?: string };

export interface DaemonLeaseOptions {
  /** Called with what the daemon is waiting for, or what takes it long. */
  readonly onWaiting?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  /** Whether the daemon makes the cgroups of the spec's limits; absent: no. */
  readonly limited?: boolean;
  /** Absent: the daemon's. */
  readonly socket?: string;
}

/** While a clone is waited for the daemon shows every 1.5 s that it lives. One that is being started may take a while. */
const silenceMs = 30_000;
/** When the caller is told of the silence. */
const noticeMs = 5_000;

/** What of a spec a lease depends on. */
type LeasedSpec = CheckedSpec & Pick<WantedSpec, 'command' | 'diff' | 'keep' | 'root'>;

/** How many words of the command, and characters of each, `isolate ps` shows. */
const mostShown = 128;

/**
 * A clone of the dataset from the daemon, for users without rights over its storage. It is given back when its connection ends. Throws
 * `not-permitted`, `aborted`, `daemon-failed`, and the daemon's refusals.
 */
export async function leaseFromDaemon(spec: LeasedSpec, dataset: string, options: DaemonLeaseOptions): Promise<HandedLease> {
  const connection = await connectDaemon(options.socket);
  if (connection === null) throw noDaemon(dataset);
  const stop = (): void => connection.close();
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    const targets = targetsToLookAt(spec, findEngine(spec.engine).capabilities);
    connection.send('lease', question(spec, dataset, targets, options));
    const leased = parseLeased(await receiveLeased(connection, options), targets.length);
    const { id, path, view, uidMap, gidMap, groups, session } = leased;
    return {
      id,
      rootfs: rootfsOf({ kind: 'given', name: path, ownership: { kind: 'mapped', uidMap, gidMap }, idmappable: false }),
      ...(groups === undefined ? {} : { groups }),
      handed: { view, leased, connection, failed: () => sendEnd(connection, null), told: (run) => tellEnd(connection, run) },
      ...(session === undefined ? {} : { session }),
      release: async () => connection.close(),
      atEnd: null,
    };
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

/** What of a session is looked at. */
export interface LookAtSession {
  readonly session: string;
  readonly engine: string;
  /** For `isolate ps`. */
  readonly command: readonly string[];
  /** Also what it was made of. */
  readonly withBase: boolean;
}

/** The clone of a session from the daemon, to be looked at without a run. It is given back when the connection ends. Throws as `leaseFromDaemon`. */
export async function leaseToLook(
  dataset: string,
  { session, engine, command, withBase }: LookAtSession,
): Promise<{ readonly leased: Leased; readonly connection: DaemonConnection }> {
  const connection = await connectDaemon();
  if (connection === null) throw noDaemon(dataset);
  try {
    connection.send('lease', [
      { name: 'template', value: dataset },
      { name: 'wait-ms', value: 0 },
      { name: 'engine', value: engine },
      ...command.map((value): Item => ({ name: 'argument', value })),
      { name: 'session', value: session },
      { name: 'base', value: withBase ? 1 : 0 },
    ]);
    return { leased: parseLeased(await receiveLeased(connection, { signal: undefined }), 0), connection };
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function tellEnd(connection: DaemonConnection, run: () => Promise<Outcome>): Promise<Outcome> {
  let outcome: Outcome | null = null;
  try {
    outcome = await run();
    return outcome;
  } finally {
    sendEnd(connection, outcome);
  }
}

function sendEnd({ send }: DaemonConnection, outcome: Outcome | null): void {
  const [kind, number] = outcome === null ? [events.failed.kind, 0] : encodeOutcome(outcome);
  send('ended', [
    { name: 'outcome', value: kind },
    { name: 'number', value: number },
  ]);
}

function question(
  { waitMs, engine, command, limits, diff, keep, root }: LeasedSpec,
  dataset: string,
  targets: readonly string[],
  { limited }: DaemonLeaseOptions,
): Item[] {
  return [
    { name: 'template', value: dataset },
    { name: 'wait-ms', value: Math.min(waitMs, 0xffff_ffff) },
    { name: 'engine', value: engine },
    ...(command ?? []).slice(0, mostShown).map((word): Item => ({ name: 'argument', value: word.slice(0, mostShown) })),
    ...targets.map((value): Item => ({ name: 'target', value })),
    ...sessionItems(keep, root.session),
    ...(diff === true ? [{ name: 'base', value: 2 } as const] : []),
    ...(limited === true ? formatLimits(limits) : []).map((value): Item => ({ name: 'limit', value })),
  ];
}

function sessionItems(keep: WantedSpec['keep'], session: string | undefined): Item[] {
  const name = keep === undefined ? session : keep.name;
  return [
    ...(typeof name === 'string' ? [{ name: 'session', value: name } as const] : []),
    ...(keep === undefined ? [] : [{ name: 'keep', value: keep.when === 'always' ? 1 : 2 } as const]),
  ];
}

async function receiveLeased(connection: DaemonConnection, { onWaiting, signal }: DaemonLeaseOptions): Promise<string> {
  for (;;) {
    const notice = setTimeout(() => onWaiting?.('waiting for the daemon, which does not answer'), noticeMs);
    const message = await connection.receive(silenceMs).finally(() => clearTimeout(notice));
    if (signal?.aborted === true) throw new IsolateError('aborted', 'The wait for a clone was cancelled.');
    if (message === null) throw lostDaemon();
    if (message.name === 'leased') return text(message, 'json');
    if (message.name === 'refuse') throw refusalOf(message);
    if (message.name !== 'message')
      throw new IsolateError('daemon-failed', `The daemon answered a request for a clone with ${message.name}.`);
    const waited = text(message, 'text').trim();
    if (waited !== '') onWaiting?.(waited);
  }
}

function text(message: Message, name: 'json' | 'text'): string {
  return values(message, name)[0] ?? '';
}

/** Or the daemon dropped this connection, as it does with the user who holds most when its memory is full. */
function lostDaemon(): IsolateError {
  return new IsolateError('daemon-failed', 'The daemon ended while this run waited for a clone.', {
    hint: hasSystemd() ? 'systemctl status isolated-pools' : 'the daemon says why on its standard error',
  });
}

function noDaemon(dataset: string): IsolateError {
  return new IsolateError('not-permitted', `The daemon is not running; without it only root gets clones of ${dataset}.`, {
    hint: `${daemonStart()}; or run isolate with sudo, or use -t DIR`,
  });
}
