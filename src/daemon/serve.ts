import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { type Config, templateCount } from '../config/config.ts';
import type { ConfigPlaces } from '../config/read-files.ts';
import { type ConfigSource, createConfigSource } from '../config/source.ts';
import { IsolateError } from '../error.ts';
import { describeOtherWriters } from '../host/survey/own-files.ts';
import { logEvent, startServiceLog } from '../log.ts';
import { ensureRuntimeDirectories } from '../pool/directories.ts';
import { readOwnHolder } from '../pool/holder.ts';
import { type Lock, lockHolders, tryLock } from '../pool/claims/lock.ts';
import { type RuntimePaths, runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import type { Pool } from '../pool/pool.ts';
import { openShelf } from '../pool/shelf.ts';
import { findStatePlace } from '../run/own-places.ts';
import { sessionIndex } from '../session/index-files.ts';
import { watchSignals } from '../upkeep/watch.ts';
import { findOwnFiles } from '../host/own-files.ts';
import { openTemplatePool } from '../upkeep/refresh-template.ts';
import { systemAccounts } from './accounts.ts';
import { checkFront } from './check-front.ts';
import type { CommandLine } from './command-line.ts';
import { startDaemon } from './daemon.ts';
import { findUnknownNames } from './unknown-names.ts';

export interface ServeOptions {
  readonly commandLine: CommandLine;
  /** Path of the socket for a front that something else starts; absent: the broker starts one itself. */
  readonly front?: string;
  /** Aborting it ends the daemon as SIGTERM does. */
  readonly signal?: AbortSignal;
  /** Absent: /run/isolate. */
  readonly runtime?: RuntimePaths;
  /** Absent: /var/lib/isolate. */
  readonly stateDirectory?: string;
  readonly config?: ConfigPlaces;
  readonly openPool?: (template: string, warn: (message: string) => void) => Promise<Pool>;
}

/** On a host without these accounts the front runs as nobody. */
const frontUsers = ['isolate-front', 'nobody'];
const nobody = 65_534;

/**
 * The daemon: maintains the pools and serves clients until SIGTERM or SIGINT; SIGHUP makes it reread its settings. With invalid settings
 * it starts anyway and refuses clients until they are corrected. Runs continue when it ends, and the next daemon looks after them. Throws
 * `not-permitted` for users other than root, `daemon-failed` if a daemon runs already, `usage` for an unusable socket of the front,
 * `state-unreadable`, `missing-tool`.
 */
export async function serve(options: ServeOptions): Promise<void> {
  if (process.getuid?.() !== 0) throw new IsolateError('not-permitted', 'Only root can run the daemon.');
  const runtime = options.runtime ?? runtimePaths(systemRuntimeDirectory);
  ensureRuntimeDirectories(runtime, 0);
  if (options.front !== undefined) checkFront(options.front);
  const lock = await lockHost(runtime);
  try {
    await startServiceLog();
    warnOfOtherWriters();
    const config = await createConfigSource({ ...options.config, watch: true, onFailure: tellBadConfig });
    try {
      await withServiceSignals(
        AbortSignal.any([lock.lost, ...(options.signal === undefined ? [] : [options.signal])]),
        () => void reload(config),
        (signal) => serveUntil(signal, config, runtime, options),
      );
    } finally {
      config.close();
    }
    if (lock.lost.aborted) throw new IsolateError('daemon-failed', `The lock of the daemon in ${runtime.root} was lost.`);
  } finally {
    await lock.release();
  }
}

async function serveUntil(signal: AbortSignal, config: ConfigSource, runtime: RuntimePaths, options: ServeOptions): Promise<void> {
  const { gate } = findOwnFiles();
  const shelf = openShelf({ gate, directory: runtime.shelf, warn: (message) => logEvent('warn', { event: 'state' }, message) });
  const daemon = startDaemon({
    config,
    commandLine: options.commandLine,
    runtime,
    shelf,
    sessions: sessionIndex(options.stateDirectory ?? findStatePlace(0, {}).path),
    gate: { file: gate, args: brokerArguments(runtime, options.front) },
    openPool: options.openPool ?? ((template, warn) => openTemplatePool(template, { warn, shelf })),
    signal,
  });
  let { ids } = config.current();
  const follow = (): void => {
    const current = config.current();
    if (!isDeepStrictEqual(ids, current.ids)) daemon.pools.reopen();
    ({ ids } = current);
    for (const message of findUnknownNames(current, systemAccounts)) logEvent('warn', { event: 'config' }, message);
    daemon.pools.configure(new Map([...current.templates.keys()].map((template) => [template, templateCount(current, template)])));
  };
  follow();
  const unfollow = config.onChange(() => {
    logEvent('info', { event: 'config', ...describe(config.current()) }, 'The settings have changed.');
    follow();
  });
  const watcher = await watchSignals([runtime.signals], daemon.pools.signalled, ({ code, message }) =>
    logEvent('error', { event: 'signals', code }, message),
  );
  logEvent('info', { event: 'started', pid: process.pid, ...describe(config.current()) }, 'The daemon has started.');
  try {
    await daemon.done;
  } finally {
    unfollow();
    await watcher.close();
    logEvent('info', { event: 'ended' }, 'The daemon has ended.');
  }
}

/** Anyone who can change the program becomes root at the next start. */
function warnOfOtherWriters(): void {
  const fact = describeOtherWriters({ files: findOwnFiles(), uid: 0, node: process.execPath });
  if (fact !== null) logEvent('warn', { event: 'own-files' }, `${fact}.`);
}

function brokerArguments(runtime: RuntimePaths, front: string | undefined): string[] {
  const user = frontUsers.map((name) => systemAccounts.uidOf(name)).find((uid) => uid !== null && uid !== 0) ?? nobody;
  const shelf = ['--shelf', runtime.shelf];
  if (front !== undefined) return ['broker', ...shelf, '--front', front, '--user', String(user)];
  const group = systemAccounts.gidOf('isolate');
  if (group === null) logEvent('warn', { event: 'group' }, 'There is no group isolate, so the daemon serves only root.');
  const sockets = [join(runtime.root, 'isolated.sock'), join(runtime.root, 'metrics.sock')];
  return ['broker', ...shelf, '--sockets', ...sockets, '--group', String(group ?? 0), '--user', String(user)];
}

async function lockHost(runtime: RuntimePaths): Promise<Lock> {
  const own = readOwnHolder();
  const lock = await tryLock(runtime.daemonLock, own);
  if (lock !== null) return lock;
  const [pid] = lockHolders(runtime.daemonLock, own.bootId);
  throw new IsolateError('daemon-failed', `Another daemon serves ${runtime.root}${pid === undefined ? '' : `: process ${pid}`}.`, {
    hint: 'a host has one daemon; stop that one first (its runs continue)',
  });
}

async function reload(config: ConfigSource): Promise<void> {
  const result = await config.reload();
  if (result instanceof IsolateError) tellBadConfig(result, config.hasHeld());
  else logEvent('info', { event: 'config', ...describe(result) }, 'The settings were read again.');
}

/** The settings in effect, for the log. */
function describe({ templates, files }: Config): { readonly templates: readonly string[]; readonly files: readonly string[] } {
  return { templates: [...templates.keys()], files };
}

function tellBadConfig({ code, message }: IsolateError, held: boolean): void {
  const consequence = held ? 'The previous settings stay in use.' : 'The daemon lends no clones until this is corrected.';
  logEvent('error', { event: 'config', code }, `${message} ${consequence}`);
}

/**
 * The handlers stay until `action` has ended, because libraries that clean up end the process on a signal for which there is no other
 * handler.
 */
async function withServiceSignals(end: AbortSignal, onReload: () => void, action: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGHUP', onReload);
  try {
    await action(AbortSignal.any([end, stopping.signal]));
  } finally {
    process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGHUP', onReload);
  }
}
