import { IsolateError } from '../../error.ts';
import type { StatusDocument } from '../../status/status.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { renderStatus } from '../render-status.ts';
import { adviseClones } from '../render-templates.ts';
import { nearest } from '../../spec/nearest.ts';
import { showStatus, type StatusView } from '../show-status.ts';
import { rightsOf } from '../../host/rights.ts';

/** `isolate status [TEMPLATE...]`: all pools, or those of these templates. */
export async function statusVerb(parsed: ParsedArguments): Promise<number> {
  return await showStatus(statusView(parsed), parsed);
}

export function statusView({ words }: Pick<ParsedArguments, 'words'>): StatusView<StatusDocument> {
  const title = ['status', ...words].join(' ');
  return { title, read: async (source) => pick(await source.status(), words), render: renderStatus };
}

function pick(document: StatusDocument, templates: readonly string[]): StatusDocument {
  if (templates.length === 0) return document;
  const pools = [...new Set(templates)].map((template) => {
    const pool = document.pools.find((one) => one.template === template);
    if (pool !== undefined) return pool;
    const near = nearest(
      template,
      document.pools.map((one) => one.template),
    );
    throw new IsolateError('template-missing', `There are no clones of ${JSON.stringify(template)}.`, {
      hint: near === null ? adviseClones(rightsOf(process.getuid?.() ?? 0), template) : `did you mean ${near}?`,
    });
  });
  return { ...document, pools };
}
