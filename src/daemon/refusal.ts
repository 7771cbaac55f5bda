import { IsolateError } from '../error.ts';
import { logEvent } from '../log.ts';
import type { Item } from '../wire/frame.ts';
import type { CommandLine } from './command-line.ts';

/** What a client is told of an error that ends its request. */
export function describeRefusal(error: unknown, commandLine: CommandLine): readonly Item[] {
  if (!(error instanceof IsolateError)) {
    logEvent(
      'error',
      { event: 'internal', stack: error instanceof Error ? error.stack : null },
      'A request failed because of a bug in isolate.',
    );
  }
  const known =
    error instanceof IsolateError
      ? error
      : new IsolateError('internal', 'This is a bug in the isolate daemon; its log says more. Please report it.');
  const { code, message, hint } = known;
  return [
    { name: 'status', value: commandLine.errorStatus },
    { name: 'text', value: commandLine.renderError(known) },
    { name: 'json', value: JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }) }) },
  ];
}
