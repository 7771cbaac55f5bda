import type { ErrorCode } from '../error.ts';
import type { Outcome } from '../launch/outcome.ts';
import { signalNumber } from '../launch/signals.ts';
import type { Verb } from './verbs.ts';

/** Codes of mistakes on the command line. */
const usageCodes: ReadonlySet<ErrorCode> = new Set(['usage', 'bad-name', 'bad-bind', 'bad-environment', 'unsupported-option']);

/** The exit status for how a run ended: the command's own, 128 + signal, 124, 126 or 127 (docs/exit-status.md). */
export function exitCodeOf(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code;
    case 'killed':
      return 128 + signalNumber(outcome.signal);
    case 'timed-out':
      return 124;
    case 'not-executed':
      return outcome.errno === 'ENOENT' ? 127 : 126;
  }
}

/** Verbs that exit as a command does. */
const ofCommands: readonly Verb[] = ['run', 'enter', 'exec', 'template shell', 'template exec'];

/** The exit status for an error: 125 for a run; 2 for a usage error, and for any of `diff`, whose 1 means a difference; else 1. */
export function exitCodeOfError(verb: Verb, code: ErrorCode): number {
  if (ofCommands.includes(verb)) {
    return 125;
  }
  return usageCodes.has(code) || verb === 'diff' ? 2 : 1;
}
