import { IsolateError } from '../error.ts';
import { decodeOutcome } from '../launch/outcome.ts';
import type { LeaseOutcome } from './held.ts';

/** What a client reported about the end of its run: an event kind of launcher/RECORD.md, with its number. */
export function readOutcome(kind: number, number: number): LeaseOutcome {
  return decodeOutcome(kind, number) ?? { kind: 'failed', code: null };
}

/** The end of a lease that never became a run, for this reason. */
export function failedOutcome(error: unknown): LeaseOutcome {
  return { kind: 'failed', code: error instanceof IsolateError ? error.code : null };
}
