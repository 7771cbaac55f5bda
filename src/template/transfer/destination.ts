import { IsolateError } from '../../error.ts';

/** Where a template is sent. A `file` is as it was written. */
export type Destination =
  | { readonly kind: 'standard-output' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'host'; readonly host: string; readonly template: string };

/**
 * Reads the second word of `template send`: a file begins with `/`, `./`, `../` or `~/`, and `[USER@]HOST:TEMPLATE` is another host's
 * template. `-` or nothing is standard output. Throws `usage`.
 */
export function parseDestination(text: string | undefined): Destination {
  if (text === undefined || text === '-') return { kind: 'standard-output' };
  if (/^(?:\/|\.\.?\/|~\/)/.test(text)) return { kind: 'file', path: text };
  const [, bracketed, plain, template = ''] = /^(?:((?:[^@[\]]+@)?\[[^\]]+\])|([^:[\]]+)):(.+)$/s.exec(text) ?? [];
  const host = bracketed?.replaceAll(/[[\]]/g, '') ?? plain;
  if (host === undefined || /(?:^|@)-/.test(host) || /[\s\p{Cc}]/u.test(text)) {
    throw new IsolateError('usage', `A template cannot be sent to ${JSON.stringify(text)}.`, {
      hint: 'write a file as ./FILE, and a template on another host as HOST:TEMPLATE',
    });
  }
  return { kind: 'host', host, template };
}
