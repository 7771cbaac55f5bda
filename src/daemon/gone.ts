import { IsolateError } from '../error.ts';

/** Reasons of `Connection.closed`. */
export const clientGone = Symbol('client gone');
export const brokerGone = Symbol('broker gone');

/** The error of whatever waits on a connection that has ended. */
export function goneError(): IsolateError {
  return new IsolateError('aborted', 'The client is gone.');
}
