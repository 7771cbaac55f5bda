import { IsolateError } from '../error.ts';
import { encodeOutcome } from '../launch/outcome.ts';
import { logEvent } from '../log.ts';
import type { LeaseEvent, LeaseWatch } from './lease.ts';
import type { LeaseOutcome } from './held.ts';
import type { Metrics } from './metrics.ts';

export interface AuditOptions {
  readonly metrics: Pick<Metrics, 'leased' | 'refused'>;
  readonly userName: (uid: number) => string | null;
  /** Milliseconds of a monotonic clock. */
  readonly clock?: () => number;
}

/** Refusals of one user that are logged per minute; of further ones only the number is. */
const toldAMinute = 20;
const minuteMs = 60_000;

/** Records every ended lease and every refused request in the log and the metrics. */
export function createAudit({ metrics, userName, clock = () => performance.now() }: AuditOptions): LeaseWatch {
  const mayTell = limitByUser(clock, (uid, untold) => {
    logEvent('warn', { event: 'refused', uid, user: userName(uid), untold }, `${untold} more requests from uid ${uid} were refused.`);
  });
  const describe = ({ peer, template, engine, waitedMs }: LeaseEvent) => ({
    uid: peer.uid,
    user: userName(peer.uid),
    pid: peer.pid,
    template,
    engine,
    waitedMs: round(waitedMs),
  });
  return {
    onLeased: ({ template, waitedMs }) => metrics.leased(template, waitedMs),
    onEnded: (event) => {
      const { clone, heldMs, outcome } = event;
      const fields = { event: 'lease', ...describe(event), clone, heldMs: round(heldMs), ...describeOutcome(outcome) };
      logEvent('info', fields, `A lease ended.`);
    },
    onRefused: (event) => {
      const code = event.error instanceof IsolateError ? event.error.code : 'internal';
      metrics.refused(code);
      if ((code !== 'not-permitted' && code !== 'quota-exceeded') || !mayTell(event.peer.uid)) return;
      logEvent('warn', { event: 'refused', ...describe(event), code }, (event.error as Error).message);
    },
  };
}

/** Signals and errors by number. */
function describeOutcome(outcome: LeaseOutcome): Readonly<Record<string, unknown>> {
  switch (outcome.kind) {
    case 'killed':
      return { outcome: outcome.kind, signal: encodeOutcome(outcome)[1] };
    case 'not-executed':
      return { outcome: outcome.kind, errno: encodeOutcome(outcome)[1] };
    case 'exited':
    case 'failed':
      return { outcome: outcome.kind, code: outcome.code };
    default:
      return { outcome: outcome.kind };
  }
}

/** Rounded to hundredths; finer digits mean nothing. */
function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** Whether one more refusal of a user may be logged. The number of those that were not is logged with the next one that may. */
function limitByUser(clock: () => number, onUntold: (uid: number, untold: number) => void): (uid: number) => boolean {
  const windows = new Map<number, { sinceMs: number; count: number }>();
  return (uid) => {
    const nowMs = clock();
    for (const [user, { sinceMs, count }] of windows) {
      if (nowMs - sinceMs < minuteMs) break;
      windows.delete(user);
      if (count > toldAMinute) onUntold(user, count - toldAMinute);
    }
    const window = windows.get(uid) ?? { sinceMs: nowMs, count: 0 };
    if (window.count === 0) windows.set(uid, window);
    window.count += 1;
    return window.count <= toldAMinute;
  };
}
