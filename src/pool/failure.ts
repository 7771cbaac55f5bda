import { causesOf, type ErrorCode, IsolateError } from '../error.ts';
import { toSystemFailure } from '../process/system-error.ts';

/** An error as state files and status reports keep it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What caused it is in the message. What is neither an IsolateError nor caused by the environment is a defect of isolate's own. */
export function toFailure(error: unknown): Failure {
  const known = error instanceof IsolateError ? error : toSystemFailure(error);
  if (known !== null) {
    return { code: known.code, message: [known.message, ...causesOf(known).map((cause) => `because: ${cause}`)].join(' ') };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : JSON.stringify(error) };
}
