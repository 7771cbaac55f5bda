import type { ParsedArguments } from '../parser.ts';
import { renderTemplates, templatesOf } from '../render-templates.ts';
import { showStatus } from '../show-status.ts';
import { refuseWords } from './refuse-words.ts';

/** `isolate list`: the templates that this user may run on. */
export async function listVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate list [OPTIONS]');
  const read = async (source: Parameters<Parameters<typeof showStatus>[0]['read']>[0]) => templatesOf(await source.status());
  return await showStatus({ title: 'list', read, render: renderTemplates }, parsed);
}
