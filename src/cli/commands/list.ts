import type { StatusSource } from '../../status/status-source.ts';
import type { ParsedArguments } from '../parser.ts';
import { renderTemplates, type TemplatesDocument, templatesOf } from '../render-templates.ts';
import { showStatus } from '../show-status.ts';
import { refuseWords } from './refuse-words.ts';

/** `isolate list`: the templates that this user may run on. */
export async function listVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate list [OPTIONS]');
  const read = async (source: StatusSource): Promise<TemplatesDocument> => templatesOf(await source.status());
  const uid = process.getuid?.() ?? 0;
  return await showStatus({ title: 'list', read, render: (document) => renderTemplates(document, uid) }, parsed);
}
