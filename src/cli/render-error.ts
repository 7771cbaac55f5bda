import { causesOf, IsolateError } from '../error.ts';
import { toJson } from '../json.ts';
import { toSystemFailure } from '../process/system-error.ts';
import { escapeControls } from './escape.ts';

/**
 * An error as text: one line, a line for each cause or further problem, at most one hint. Every line ends with a newline and has no
 * control characters.
 */
export function renderError(error: unknown, trace: boolean): string {
  const known = toIsolateError(error);
  const lines = [
    `isolate: ${known.message}`,
    ...(isOneOfSeveral(known) ? known.cause.errors.map(describeOther) : causesOf(known).map((cause) => `because: ${cause}`)),
    ...(known.hint === undefined ? [] : [`hint: ${known.hint}`]),
  ];
  const stack = trace && known.code === 'internal' && error instanceof Error ? (error.stack ?? '').split('\n').slice(1) : [];
  return [...lines, ...stack].map((line) => `${escapeControls(line)}\n`).join('');
}

/** Further problems, which are not causes of the error. */
function isOneOfSeveral(error: IsolateError): error is IsolateError & { readonly cause: AggregateError } {
  return error.cause instanceof AggregateError;
}

function describeOther(other: unknown): string {
  return `also: ${other instanceof Error ? other.message : String(other)}`;
}

/** An error as a JSON object on one line. */
export function renderErrorJson(error: unknown): string {
  const known = toIsolateError(error);
  const hint = known.hint === undefined ? {} : { hint: known.hint };
  return `${toJson({ error: { code: known.code, message: known.message, ...hint, causes: causesOf(known) } })}\n`;
}

/** An error that is neither an IsolateError nor caused by the caller's environment is a bug in isolate, and the message says so. */
export function toIsolateError(error: unknown): IsolateError {
  if (error instanceof IsolateError) return error;
  return toSystemFailure(error) ?? new IsolateError('internal', 'This is a bug in isolate; please report it.', { cause: error });
}
