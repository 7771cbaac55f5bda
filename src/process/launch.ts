import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

import type { Launch } from '../launch/launch.ts';
import { IsolateError } from '../error.ts';
import { type LaunchEvent, parseLaunchEvents } from '../launch/events.ts';
import type { Outcome } from '../launch/outcome.ts';
import { signalNumber } from '../launch/signals.ts';
import { encodeItems } from '../launch/encode.ts';
import { launchFailure } from '../launch/failure.ts';
import { listItems } from '../launch/record.ts';
import type { StandardStreams } from './standard-streams.ts';
import { toSystemFailure } from './system-error.ts';

export interface LaunchOptions {
  /** Absolute path of isolate-launch. */
  readonly launcher: string;
  readonly stdio: StandardStreams;
  /** Aborting it ends the run as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** A paused connection to the daemon that hands over the tree of the launch; it stays open in the launcher while the run lives. */
  readonly connection?: Socket;
  /** Called once, when the command has been executed; `pid` is that of the command, as this process sees it. */
  readonly onStarted?: (pid: number) => void;
}

/** A run under way. */
export interface LaunchHandle {
  /** Process id of the launcher. */
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Passes a signal to the launcher, which passes it to the command. */
  readonly forward: (signal: NodeJS.Signals) => void;
  /**
   * Settles when nothing of the run is left. Rejects with IsolateError `launch-failed` or `engine-failed`, or with what `onStarted`
   * threw.
   */
  readonly result: Promise<Outcome>;
}

/**
 * Starts a launch through isolate-launch: the only place that starts foreign code. Throws IsolateError `launch-failed` if the
 * launcher cannot be started.
 */
export async function startLaunch(launch: Launch, options: LaunchOptions): Promise<LaunchHandle> {
  const items = listItems(launch, { supervised: true });
  const record = encodeItems(items);
  const { stdin, stdout, stderr } = options.stdio;
  const lease = options.connection === undefined ? [] : [options.connection];
  const numbers = ['3', '4', ...lease.map(() => '5')];
  const child = spawn(options.launcher, numbers, { stdio: [stdin, stdout, stderr, 'pipe', 'pipe', ...lease], env: {}, cwd: '/' });
  const ended = awaitEnd(child, options.onStarted);
  child.once('exit', (_code, signal) => void (signal !== null && dropStreams(child)));
  const result = ended.then((end) => conclude(end, (event) => launchFailure(launch, items, event)));
  const forward = (signal: NodeJS.Signals): void => void (child.stdio[3] as Writable).write(Buffer.of(signalNumber(signal)));
  const abort = (): void => forward('SIGTERM');
  result.catch(() => undefined).finally(() => options.signal?.removeEventListener('abort', abort));
  await spawned(child, options.launcher);
  sendRecord(child, record);
  if (options.signal?.aborted === true) abort();
  options.signal?.addEventListener('abort', abort, { once: true });
  return {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    forward,
    result,
  };
}

/** How long what a killed launcher left unread can still be read. */
const lastOutputMs = 1000;

/**
 * For a launcher that was killed: the run ended with it, but bubblewrap may have left a process that waits for one that is dead, and keeps
 * the streams open forever.
 */
function dropStreams(child: ChildProcess): void {
  setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, lastOutputMs);
}

interface LaunchEnd {
  readonly events: readonly LaunchEvent[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function spawned(child: ChildProcess, launcher: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      const limit = toSystemFailure(cause);
      const hint = 'scripts/build in the checkout, or install isolate again';
      const missing = new IsolateError('launch-failed', `The launcher ${launcher} could not be started.`, { cause, hint });
      reject(limit?.code === 'limit-reached' ? limit : missing);
    });
  });
}

/** The launcher may end before it has read the record; the events then say why. Signals follow the record on the same pipe. */
function sendRecord(child: ChildProcess, record: Uint8Array): void {
  const pipe = child.stdio[3] as Writable;
  pipe.on('error', () => undefined);
  pipe.write(record);
  child.once('exit', () => pipe.destroy());
}

function awaitEnd(child: ChildProcess, onStarted: ((pid: number) => void) | undefined): Promise<LaunchEnd> {
  const events: LaunchEvent[] = [];
  const thrown: unknown[] = [];
  let rest: Uint8Array = new Uint8Array();
  const status = child.stdio[4] as Readable;
  status.on('data', (chunk: Uint8Array) => {
    const parsed = parseLaunchEvents(Buffer.concat([rest, chunk]));
    rest = parsed.rest;
    events.push(...parsed.events);
    for (const event of parsed.events) {
      if (event.kind !== 'started') continue;
      try {
        onStarted?.(event.pid);
      } catch (error) {
        thrown.push(error);
      }
    }
  });
  const drained = new Promise<void>((resolve) => status.once('close', () => resolve()));
  const exited = new Promise<Pick<LaunchEnd, 'code' | 'signal'>>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return Promise.all([exited, drained]).then(([end]) => {
    if (thrown.length > 0) throw thrown[0];
    return { events, ...end };
  });
}

function conclude(end: LaunchEnd, failure: (event: LaunchEvent & { kind: 'failed' }) => IsolateError): Outcome {
  const last = end.events.at(-1);
  if (last?.kind === 'ended') return last.outcome;
  if (last?.kind === 'failed') throw failure(last);
  // The launcher itself was killed, by kill -9 or before it handled signals; the kernel ended the run with it.
  if (end.signal !== null) return { kind: 'killed', signal: end.signal };
  throw new IsolateError('launch-failed', `The launcher ended with status ${end.code} before the command started.`);
}
