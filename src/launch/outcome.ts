import { getSystemErrorMap, getSystemErrorName } from 'node:util';

import { events } from './schema.ts';
import { signalName, signalNumber } from './signals.ts';

/** Present: the kernel killed processes of the run because its memory limit was reached. */
export interface MemoryVerdict {
  readonly outOfMemory?: true;
}

/** How a run ended. `not-executed`: the command was not found in the sandbox, or found and not executable. */
export type Outcome =
  | ({ readonly kind: 'exited'; readonly code: number } & MemoryVerdict)
  | ({ readonly kind: 'killed'; readonly signal: NodeJS.Signals } & MemoryVerdict)
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'not-executed'; readonly errno: string };

/** The kind (launcher/RECORD.md) and the code, signal or errno, as numbers for the launcher's events and the daemon's protocol. */
export function encodeOutcome(outcome: Outcome): readonly [kind: number, number: number] {
  const { kind } = events[outcome.kind];
  switch (outcome.kind) {
    case 'exited':
      return [kind, outcome.code];
    case 'killed':
      return [kind, signalNumber(outcome.signal)];
    case 'not-executed':
      return [kind, errnoNumber(outcome.errno)];
    case 'timed-out':
      return [kind, 0];
  }
}

/** The inverse of `encodeOutcome`; null: this kind of event is not an outcome. */
export function decodeOutcome(kind: number, number: number): Outcome | null {
  switch (kind) {
    case events.exited.kind:
      return { kind: 'exited', code: number };
    case events.killed.kind:
      return { kind: 'killed', signal: signalName(number) };
    case events['not-executed'].kind:
      return { kind: 'not-executed', errno: getSystemErrorName(-number) };
    case events['timed-out'].kind:
      return { kind: 'timed-out' };
    default:
      return null;
  }
}

/** 0 for a name that Node does not know. */
function errnoNumber(name: string): number {
  return -([...getSystemErrorMap()].find(([, [known]]) => known === name)?.[0] ?? 0);
}
