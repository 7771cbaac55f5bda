import { toJson } from '../json.ts';
import { encodeOutcome, type Outcome } from './outcome.ts';
import { events } from './schema.ts';

/** What the program in Node or the client reports about a run: its start, and its end or failure. */
export type ReportEvent =
  | { readonly kind: 'started' }
  | Outcome
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly hint?: string };

/** A line that is written for an event. For each stream the first matching line is written. */
export interface ReportLine {
  /** Standard error; the descriptor that `--status-fd` names; or standard error if that is a terminal, unless the command succeeded. */
  readonly stream: 'error' | 'status' | 'terminal';
  /** `unremoved`: a file of the launch could not be removed. */
  readonly event: ReportEvent['kind'] | 'unremoved';
  /** Only with this signal or errno; absent: with any. */
  readonly number?: number;
  /** Only if the kernel killed a process of the run because its memory limit was reached. */
  readonly outOfMemory?: true;
  /**
   * What is written, with its newline. `%d` is the exit code, `%s` the name of the signal or errno, `%c` the code of an error,
   * `%m` its message as a JSON string, `%h` its hint, if any, as a further JSON member, `%%` a percent sign.
   */
  readonly text: string;
}

/** What is written to a stream for an event; empty: nothing. client/report.c does the same. */
export function lineOf(lines: readonly ReportLine[], stream: ReportLine['stream'], event: ReportEvent): string {
  const line = lines.find((one) => one.stream === stream && fits(one, event));
  return line === undefined ? '' : line.text.replaceAll(/%([dscmh%])/g, (_, directive: string) => fill(directive, event));
}

function fits({ stream, event, number, outOfMemory }: ReportLine, told: ReportEvent): boolean {
  if (stream === 'terminal' && told.kind === 'exited' && told.code === 0) return false;
  if (event !== told.kind || (outOfMemory === true && !('outOfMemory' in told))) return false;
  return number === undefined || (told.kind !== 'started' && told.kind !== 'failed' && encodeOutcome(told)[1] === number);
}

function fill(directive: string, event: ReportEvent): string {
  switch (directive) {
    case 'd':
      return event.kind === 'exited' ? String(event.code) : '';
    case 's':
      return event.kind === 'killed' ? event.signal : event.kind === 'not-executed' ? event.errno : '';
    case 'c':
      return event.kind === 'failed' ? event.code : '';
    case 'm':
      return event.kind === 'failed' ? toJson(event.message) : '';
    case 'h':
      return event.kind === 'failed' && event.hint !== undefined ? `,"hint":${toJson(event.hint)}` : '';
    default:
      return '%';
  }
}

/** Escapes any text for use in a line. */
export function literal(text: string): string {
  return text.replaceAll('%', '%%');
}

const streams = { error: 0, status: 1, terminal: 2 } as const;

/** A line as gate/PROTOCOL.md describes it. */
export function encodeLine({ stream, event, number = 0, outOfMemory, text }: ReportLine): Uint8Array {
  const header = Buffer.alloc(16);
  [streams[stream], events[event].kind, number, outOfMemory === true ? 1 : 0].forEach((value, index) =>
    header.writeUInt32LE(value, 4 * index),
  );
  return Buffer.concat([header, Buffer.from(text)]);
}
