import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { callerContext } from '../../../template/context.ts';
import { listTemplates } from '../../../template/list-templates.ts';
import { openStore } from '../../../template/open-store.ts';
import type { TemplateInfo } from '../../../template/store.ts';
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
  const context = await callerContext();
  const found: { readonly name: string; readonly info: TemplateInfo }[] = [];
  for (const { name, ref } of await listTemplates(await callerPlaces())) {
    const info = await openStore(ref, context).describe().catch(tellProblem);
    // Removed since it was listed, or only in the settings.
    if (info !== null) found.push({ name, info });
  }
  if (parsed.flags.has('json')) {
    print(`${toJson({ templates: found.map(({ name, info }) => templateDocument(name, info)) })}\n`);
    return 0;
  }
  if (found.length === 0) {
    print('There are no templates: isolate template create NAME --from debian:trixie makes one.\n');
    return 0;
  }
  const rows = found.map(({ name, info }) => templateRow(name, info, context.clock()));
  print(`${formatTable([titles, ...rows], ['left', 'left', 'left', 'right', 'right', 'right', 'left']).join('\n')}\n`);
  return 0;
}

/** One that cannot be looked at does not keep the others from being listed. */
function tellProblem(error: unknown): null {
  if (!(error instanceof IsolateError)) throw error;
  write(2, `isolate: warning: ${escapeControls(error.message)}\n`);
  return null;
}
