import { isatty } from 'node:tty';

import type { RunVoice } from '../daemon/command-line.ts';
import { lineOf, type ReportEvent, type ReportLine } from '../launch/report.ts';
import type { RunRequest } from '../spec/request.ts';
import { write } from './output.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { toIsolateError } from './render-error.ts';
import { runVoice } from './run-voice.ts';
import { openStatusDescriptor } from './status-descriptor.ts';

export interface Reporter {
  readonly voice: RunVoice;
  readonly tell: (stream: ReportLine['stream'], event: ReportEvent) => void;
  readonly fail: (error: unknown) => void;
  /** What is reported from now on is about this command. */
  readonly launching: (command: readonly string[]) => void;
}

/** Tells the caller of a run how it began and ended. Throws `usage` for a descriptor that cannot be written. */
export function openReporter(parsed: ParsedArguments, request: RunRequest): Reporter {
  const voice = runVoice(parsed, request, 'node');
  const descriptors = { error: 2, terminal: isatty(2) ? 2 : null, status: openStatusDescriptor(parsed.values.get('status-fd')) ?? 2 };
  let { command = [] } = request;
  const tell: Reporter['tell'] = (stream, event) => {
    const descriptor = descriptors[stream];
    if (descriptor !== null) write(descriptor, lineOf(voice.lines(command), stream, event));
  };
  const fail = (error: unknown): void => {
    const { code, message } = toIsolateError(error);
    tell('status', { kind: 'failed', code, message });
  };
  const launching = (launched: readonly string[]): void => {
    command = launched;
  };
  return { voice, tell, fail, launching };
}
