import { causesOf, type ErrorCode, IsolateError } from '../error.ts';

/** An error as state files and status reports keep it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What caused it is in the message. What is no IsolateError is a defect of isolate's own. */
export function toFailure(error: unknown): Failure {
  if (error instanceof IsolateError) {
    return { code: error.code, message: [error.message, ...causesOf(error).map((cause) => `because: ${cause}`)].join(' ') };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : JSON.stringify(error) };
}
