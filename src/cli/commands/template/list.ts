import type { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { templates } from '../../../template/library.ts';
import { escapeControls } from '../../escape.ts';
import { print, write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { templateDocument, templateRow } from '../../render-template.ts';
import { formatTable } from '../../table.ts';
import { refuseWords } from '../refuse-words.ts';

const titles = ['NAME', 'STORAGE', 'SNAPSHOT', 'SIZE', 'AGE', 'FRESH/USED', 'DEFAULTS'];

/** `isolate template list`: the templates in the caller's stores, and for root the others that are known. */
export async function listTemplatesVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate template list [OPTIONS]');
  const found = await templates.list({ onProblem: tellProblem });
  if (parsed.flags.has('json')) {
    print(`${toJson({ templates: found.map(templateDocument) })}\n`);
    return 0;
  }
  if (found.length === 0) {
    print('There are no templates: isolate template create debian --from debian:trixie --default makes one.\n');
    return 0;
  }
  const nowMs = Date.now();
  const rows = found.map((template) => templateRow(template, nowMs));
  print(`${formatTable([titles, ...rows], ['left', 'left', 'left', 'right', 'right', 'right', 'left']).join('\n')}\n`);
  return 0;
}

/** One that cannot be looked at does not keep the others from being listed. */
function tellProblem({ message }: IsolateError): void {
  write(2, `isolate: warning: ${escapeControls(message)}\n`);
}
