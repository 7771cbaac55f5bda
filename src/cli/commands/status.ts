import { IsolateError } from '../../error.ts';
import { openStatusSource } from '../../run/status-source.ts';
import type { StatusDocument } from '../../run/status.ts';
import type { ParsedArguments } from '../parser.ts';
import { renderStatus } from '../render-status.ts';
import { showDocument } from '../show-document.ts';

/** `isolate status [TEMPLATE...]`: the pools, all or these. */
export async function statusVerb({ flags, words }: ParsedArguments): Promise<number> {
  const source = openStatusSource(process.getuid?.() ?? 0);
  try {
    await showDocument({
      title: ['status', ...words].join(' '),
      read: async () => pick(await source.status(), words),
      render: renderStatus,
      json: flags.has('json'),
      watch: flags.has('watch'),
      trace: flags.has('trace'),
    });
    return 0;
  } finally {
    source.close();
  }
}

function pick(document: StatusDocument, templates: readonly string[]): StatusDocument {
  if (templates.length === 0) return document;
  const pools = [...new Set(templates)].map((template) => {
    const pool = document.pools.find((one) => one.template === template);
    if (pool === undefined) throw new IsolateError('template-missing', `There is no pool of ${JSON.stringify(template)}.`);
    return pool;
  });
  return { ...document, pools };
}
