import { causesOf, type ErrorCode, IsolateError } from '../error.ts';
import { toSystemFailure } from '../process/system-error.ts';

/** An error, in the form of state files and status reports. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The message includes the causes. An error that is neither an IsolateError nor caused by the environment is a bug in isolate. */
export function toFailure(error: unknown): Failure {
  const known = error instanceof IsolateError ? error : toSystemFailure(error);
  if (known !== null) {
    return { code: known.code, message: [known.message, ...causesOf(known).map((cause) => `because: ${cause}`)].join(' ') };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : JSON.stringify(error) };
}
