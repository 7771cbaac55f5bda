import { IsolateError } from '../error.ts';
import type { LeaseOutcome } from './lease.ts';

/** What a client said of the end of its run: an event kind of launcher/RECORD.md, or 6 for timed out, with its number. */
export function readOutcome(outcome: number, number: number): LeaseOutcome {
  switch (outcome) {
    case 2:
      return { kind: 'exited', code: number };
    case 3:
      return { kind: 'killed', signal: number };
    case 5:
      return { kind: 'not-executed', errno: number };
    case 6:
      return { kind: 'timed-out' };
    default:
      return { kind: 'failed', code: null };
  }
}

/** The end of a lease that never became a run, for this reason. */
export function failedOutcome(error: unknown): LeaseOutcome {
  return { kind: 'failed', code: error instanceof IsolateError ? error.code : null };
}
