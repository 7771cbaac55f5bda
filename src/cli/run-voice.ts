import type { RunVoice } from '../daemon/command-line.ts';
import { toJson } from '../json.ts';
import type { RunEvent, WayName } from '../run/run-event.ts';
import type { RunRequest } from '../spec/request.ts';
import { escapeControls } from './escape.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { renderError, renderErrorJson } from './render-error.ts';
import { reportLines } from './report-lines.ts';
import { parseStatusDescriptor } from './status-descriptor.ts';

/** How the caller of this command line is told of its run, which goes this way. Throws `usage`. */
export function runVoice({ flags, values }: ParsedArguments, request: RunRequest, way: WayName): RunVoice {
  const [json, quiet, trace] = [flags.has('json'), flags.has('quiet'), flags.has('trace')];
  const descriptor = values.get('status-fd');
  return {
    lines: (command) => reportLines({ ...request, command }, { json, status: descriptor !== undefined, way, hints: !json && !quiet }),
    statusDescriptor: descriptor === undefined ? null : parseStatusDescriptor(descriptor),
    ignoredSignals: flags.has('ignore-sigint') ? ['SIGINT'] : [],
    render: (event, isWatched) => (isTold(event, { json, quiet, isWatched }) ? render(event, json) : ''),
    renderError: (error) => (json ? renderErrorJson(error) : renderError(error, trace)),
    openLog: trace ? async (write) => await (await import('../log.ts')).openCommandLog({ json, write }) : null,
  };
}

type Message = Extract<RunEvent, { message: string }>;

/** Passing states are only for people who watch, not for logs. */
function isTold(event: RunEvent, how: { readonly json: boolean; readonly quiet: boolean; readonly isWatched: boolean }): event is Message {
  switch (event.kind) {
    case 'warning':
      return true;
    case 'notice':
      return !how.quiet;
    case 'waiting':
      return how.isWatched && !how.quiet && !how.json;
    default:
      return false;
  }
}

function render({ kind, message }: Message, json: boolean): string {
  const prefix = kind === 'warning' ? 'isolate: warning: ' : 'isolate: ';
  return json ? `${toJson({ [kind]: message })}\n` : `${prefix}${escapeControls(message)}\n`;
}
