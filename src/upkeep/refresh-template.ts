import { IsolateError } from '../error.ts';
import { configPath, templateCount } from '../config/config.ts';
import { readSandboxIds } from '../config/ids.ts';
import { loadConfig } from '../config/load.ts';
import { probeFacts } from '../host/probe.ts';
import { isLocked } from '../pool/claims/lock.ts';
import type { Pool } from '../pool/pool.ts';
import type { RefreshOptions } from './refresh-options.ts';
import { refresh as refreshPool } from './refresh.ts';
import type { RefreshProgress, RefreshReport } from './report.ts';
import { readSignal } from '../pool/state/signal-file.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { parseDataset } from '../spec/parse-name.ts';
import { maximumCount, parseInteger } from '../spec/parse-number.ts';
import { findStatePlace } from '../run/own-places.ts';
import { sessionIndex } from '../session/index-files.ts';
import { mendIndex, type SeenClones } from '../session/mend.ts';
import { findOwnFiles } from '../host/own-files.ts';
import { type OpenOptions, openRootPool } from '../run/root.ts';
import { rightsOf } from '../host/rights.ts';

/** Which pool to bring to which size, and how to observe and end that. */
export interface RefreshRequest {
  /** A dataset. */
  readonly template: string;
  /** 1 to 1000; absent: the number in the settings, else that of the last refresh, else 10. */
  readonly count?: number;
  /** Replace the fresh clones too. */
  readonly force?: boolean;
  /** Only clean up. */
  readonly skipCreate?: boolean;
  readonly onProgress?: (progress: RefreshProgress) => void;
  /** Called once with the reason of a wait of more than a second; not a full sentence. */
  readonly onWaiting?: (message: string) => void;
  /** Called if the settings want another number than `count`, with what follows from that. One full sentence. */
  readonly onContradiction?: (message: string) => void;
  /** Called about state that cannot be trusted; one full sentence. */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** Brings a template's pool to its size: destroys retired clones, makes missing ones. Throws IsolateError; root only. */
export async function refresh({ template, onWarning, onContradiction, ...request }: RefreshRequest): Promise<RefreshReport> {
  checkCount(request.count);
  const pool = await openTemplatePool(template, {
    warn: onWarning ?? (() => {}),
    onlyCleanUp: request.skipCreate === true,
    onWaiting: request.onWaiting,
  });
  const configured = templateCount(await loadConfig(), template);
  const count = request.count ?? configured;
  const report = await refreshServed(pool, count === null ? request : { ...request, count }).finally(pool.shelf.end);
  if (request.count !== undefined && configured !== null && configured !== request.count && request.skipCreate !== true) {
    onContradiction?.(describeContradiction(template, configured, report, isDaemonAlive(pool)));
  }
  return report;
}

/** Throws `usage` for a size that no pool may have. */
export function checkCount(count: number | undefined): void {
  if (count !== undefined) parseInteger('count', count, 1, maximumCount);
}

/**
 * Runs that end while a pool is being cleaned up rely on the process that does it, so it checks again after it has released the lock.
 */
async function refreshServed(pool: Pool, options: RefreshOptions): Promise<RefreshReport> {
  for (let destroyed = 0; ;) {
    const signal = readSignal(pool);
    const report = await refreshPool(pool, { ...options, onListed: (seen) => mendSessions(pool, seen) });
    destroyed += report.destroyed;
    const isServed = options.skipCreate !== true || readSignal(pool) === signal || readSignal(pool) === '';
    if (isServed || options.signal?.aborted === true) return { ...report, destroyed };
  }
}

/** Names of sessions that were lost are made again from the storage. */
function mendSessions({ template, clock }: Pool, seen: SeenClones): void {
  const index = sessionIndex(findStatePlace(0, {}).path);
  mendIndex(index, { kind: 'volume', locator: template }, seen, clock());
}

/** `The settings (/etc/isolate/config.toml) say 10 for tank/debian: the daemon will make 7 more.` */
function describeContradiction(template: string, configured: number, { fresh }: RefreshReport, daemon: boolean): string {
  const says = `The settings (${configPath}) say ${configured} for ${template}`;
  const who = daemon ? 'the daemon' : 'the next refresh without a number';
  const missing = configured - fresh;
  if (missing === 0) return `${says}.`;
  return `${says}: ${who} will ${missing > 0 ? `make ${missing} more` : `destroy ${-missing}`}.`;
}

function isDaemonAlive({ runtime, holder }: Pool): boolean {
  return isLocked(runtime.daemonLock, holder.bootId);
}

/** The pool of a dataset, as `OpenOptions` say. Throws `not-permitted` for other users than root, and what the storage says. */
export async function openTemplatePool(template: string, options: OpenOptions = { warn: () => {} }): Promise<Pool> {
  const dataset = parseDataset(template);
  const uid = process.getuid?.() ?? 0;
  if (rightsOf(uid) === 'user') {
    throw new IsolateError('not-permitted', `Only root can refresh the pool of ${dataset}.`, { hint: 'run isolate with sudo' });
  }
  const sandboxIds = await readSandboxIds();
  const environment = callerEnvironment();
  const searchPath = environment['PATH'];
  const facts = await probeFacts({ environment, searchPath, uid, gid: process.getgid?.() ?? 0, sandboxIds, files: findOwnFiles() });
  return await openRootPool({ kind: 'volume', locator: dataset }, facts, options);
}
