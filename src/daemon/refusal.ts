import { IsolateError } from '../error.ts';
import { lineOf } from '../launch/report.ts';
import { logEvent } from '../log.ts';
import type { Message } from '../wire/frame.ts';
import type { CommandLine, RunVoice } from './command-line.ts';

type Voice = Pick<CommandLine, 'renderError' | 'errorStatus'> & Partial<Pick<RunVoice, 'lines' | 'statusDescriptor'>>;

/** The messages about an error that ends a client's request, those for its status descriptor first. */
export function describeRefusal(
  error: unknown,
  { renderError, errorStatus, lines = () => [], statusDescriptor = null }: Voice,
): readonly Message[] {
  const known = error instanceof IsolateError ? error : reportBug(error);
  const { code, message, hint } = known;
  const told = lineOf(lines([]), 'status', { kind: 'failed', code, message });
  return [
    ...(statusDescriptor === null ? [] : [writeStatus(told, statusDescriptor)]),
    {
      name: 'refuse',
      items: [
        { name: 'status', value: errorStatus },
        { name: 'text', value: renderError(known) },
        { name: 'json', value: JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }) }) },
      ],
    },
  ];
}

function writeStatus(text: string, descriptor: number): Message {
  return {
    name: 'message',
    items: [
      { name: 'text', value: text },
      { name: 'descriptor', value: descriptor },
    ],
  };
}

function reportBug(error: unknown): IsolateError {
  const stack = error instanceof Error ? error.stack : null;
  logEvent('error', { event: 'internal', stack }, 'A request failed because of a bug in isolate.');
  return new IsolateError('internal', 'This is a bug in the isolate daemon; its log says more. Please report it.');
}
