import { toJson } from '../json.ts';
import { literal, type ReportLine } from '../launch/report.ts';
import type { WayName } from '../run/run-event.ts';
import type { RunRequest } from '../spec/request.ts';
import { escapeControls } from './escape.ts';

interface ReportOptions {
  readonly json: boolean;
  readonly status: boolean;
  readonly way: WayName;
  /** Tell people how they can use isolate; absent: not. */
  readonly hints?: boolean;
}

/**
 * What a run reports about its start and end: to the status descriptor, and on standard error what the exit status does not show. While
 * the command is not known, only what may be reported before it starts.
 */
export function reportLines(request: RunRequest, { json, status, way, hints = false }: ReportOptions): readonly ReportLine[] {
  const lines = [
    ...(status ? statusLines(way) : []),
    ...shortageLines(request, json),
    ...failureLines(request, json),
    ...(hints ? keepLines(request) : []),
  ];
  const isKnown = request.command !== undefined && request.command.length > 0;
  return isKnown ? lines : lines.filter(({ event }) => event === 'failed' || event === 'unremoved');
}

const status = (event: ReportLine['event'], text: string, conditions: Partial<ReportLine> = {}): ReportLine => ({
  stream: 'status',
  event,
  ...conditions,
  text: `${text}\n`,
});

/** What `--status-fd` reports, one JSON object per line. The last line is never `started`. */
const statusLines = (way: WayName): readonly ReportLine[] => [
  status('started', `{"event":"started","way":"${way}"}`),
  status('exited', '{"event":"exited","code":%d,"outOfMemory":true}', { outOfMemory: true }),
  status('exited', '{"event":"exited","code":%d}'),
  status('killed', '{"event":"exited","signal":"%s","outOfMemory":true}', { outOfMemory: true }),
  status('killed', '{"event":"exited","signal":"%s"}'),
  status('timed-out', '{"event":"exited","timedOut":true}'),
  status('not-executed', '{"event":"failed","error":"not-executed","errno":"%s"}'),
  status('failed', '{"event":"failed","error":"%c","message":%m}'),
];

/** The limit may come from a variable. */
function shortageLines({ command = [], memory }: RunRequest, json: boolean): readonly ReportLine[] {
  const limit = memory === undefined ? 'its limit' : `--memory ${memory}`;
  const warning = (event: 'exited' | 'killed', who: string, number?: number): ReportLine => {
    const message = `${who} was killed: the sandbox needed more memory than ${limit} allows.`;
    const text = json ? toJson({ warning: message }) : `isolate: warning: ${escapeControls(message)}`;
    return { stream: 'error', event, outOfMemory: true, ...(number === undefined ? {} : { number }), text: `${literal(text)}\n` };
  };
  return [
    warning('killed', `The command ${JSON.stringify(command[0])}`, sigkill),
    warning('killed', 'A process in the sandbox'),
    warning('exited', 'A process in the sandbox'),
  ];
}

const sigkill = 9;
const enoent = 2;

/** The launcher's stage reports a missing command, except as JSON. */
function failureLines({ command = [], timeoutSeconds }: RunRequest, json: boolean): readonly ReportLine[] {
  const name = JSON.stringify(command[0]);
  const tooLong = `${name} ran longer than ${timeoutSeconds} s and was ended.`;
  const text = json ? toJsonError('timed-out', tooLong) : `isolate: ${escapeControls(tooLong)}`;
  const timedOut: ReportLine = { stream: 'error', event: 'timed-out', text: `${literal(text)}\n` };
  return [...(timeoutSeconds === undefined ? [] : [timedOut]), ...(json ? jsonLines(name) : [])];
}

function jsonLines(name: string): readonly ReportLine[] {
  const notFound = literal(toJsonError('not-executed', `The command ${name} was not found in the sandbox.`));
  const notExecutable = `${literal(`The command ${name} cannot be executed in the sandbox`)}: %s.`;
  return [
    { stream: 'error', event: 'not-executed', number: enoent, text: `${notFound}\n` },
    { stream: 'error', event: 'not-executed', text: `${toJsonError('not-executed', notExecutable)}\n` },
    { stream: 'error', event: 'unremoved', text: '{"warning":%m}\n' },
    { stream: 'error', event: 'failed', text: '{"error":{"code":"%c","message":%m%h,"causes":[]}}\n' },
  ];
}

/** For a root that was thrown away and could have been kept. */
function keepLines({ template, ephemeral, keep, keepOnFailure, session }: RunRequest): readonly ReportLine[] {
  if ((template !== undefined && ephemeral !== true) || [keep, keepOnFailure, session].some((asked) => asked !== undefined)) return [];
  const text = 'isolate: The root of this run is gone; with --keep-on-failure it is kept.\n';
  return (['exited', 'killed', 'timed-out'] as const).map((event) => ({ stream: 'terminal', event, text }));
}

function toJsonError(code: string, message: string): string {
  return toJson({ error: { code, message, causes: [] } });
}
