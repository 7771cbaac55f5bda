import type { ParsedArguments } from '../parsed-arguments.ts';
import { renderTemplates, type TemplatesDocument, templatesOf } from '../render-templates.ts';
import { showStatus, type StatusView } from '../show-status.ts';
import { refuseWords } from './refuse-words.ts';
import { type Rights, rightsOf } from '../../host/rights.ts';

/** `isolate list`: the templates that this user may run on. */
export async function listVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate list [OPTIONS]');
  return await showStatus(templatesView(rightsOf(process.getuid?.() ?? 0)), parsed);
}

export function templatesView(rights: Rights): StatusView<TemplatesDocument> {
  return {
    title: 'list',
    read: async (source) => templatesOf(await source.status()),
    render: (document) => renderTemplates(document, rights),
  };
}
