import { normalize, resolve } from 'node:path';
import { IsolateError } from '../error.ts';
import { parseDataset } from '../spec/parse-name.ts';
import { expandHome, type PathBase } from './path-base.ts';

/** One template, by where it is. `path` is the absolute path of the tree itself. */
export type TemplateRef = { readonly kind: 'dataset'; readonly dataset: string } | { readonly kind: 'directory'; readonly path: string };

/** What a user wrote: a template, or a name that has to be looked up. */
export type TemplateText = TemplateRef | { readonly kind: 'name'; readonly name: string };

/** Longer names would leave no room for those of snapshots and drafts (NAME_MAX is 255). */
const longestName = 100;

/**
 * Reads a template as users write it everywhere: a directory begins with `/`, `./`, `../` or `~/`, or is `.` or `..`; any other text with
 * a `/` is a dataset; the rest is a name. Throws `bad-name`.
 */
export function parseTemplate(text: string, base: PathBase): TemplateText {
  if (text.startsWith('~/')) return { kind: 'directory', path: checkDirectory(text, expandHome('bad-name', text, base)) };
  if (/^(?:\/|\.\.?(?:\/|$))/.test(text)) return { kind: 'directory', path: checkDirectory(text, resolve(base.workingDirectory, text)) };
  if (text.includes('/')) return { kind: 'dataset', dataset: parseDataset(text) };
  return { kind: 'name', name: parseTemplateName(text) };
}

/** A name for a template. Those that isolate gives clones, snapshots and drafts are refused. Throws `bad-name`. */
export function parseTemplateName(text: string): string {
  const reason = whyNotTemplateName(text);
  if (reason === null) return text;
  throw new IsolateError('bad-name', `${JSON.stringify(text)} is not a name for a template: ${reason}.`, {
    hint: 'a name has letters, digits and "._-"; POOL/DATASET and ./DIRECTORY also mean templates',
  });
}

/** Why `text` is no name for a template, as a phrase; null: it is one. */
export function whyNotTemplateName(text: string): string | null {
  if (text === '') return 'it is empty';
  if (text.length > longestName) return `it is longer than ${longestName} characters`;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)) return 'only letters, digits and "._-" are allowed, the first a letter or digit';
  if (/_[0-9]+$/.test(text)) return 'clones have names that end so';
  if (text.includes('..')) return 'it contains ".."';
  return /\.isolate-/.test(text) ? 'unfinished templates have such names' : null;
}

/** Its name for the user, which `parseTemplate` reads as the same template. */
export function templateName(ref: TemplateRef): string {
  return ref.kind === 'dataset' ? ref.dataset : ref.path;
}

function checkDirectory(text: string, path: string): string {
  const plain = normalize(path).replace(/(.)\/+$/, '$1');
  if (plain !== '/' && !/[\p{Cc}]/u.test(plain)) return plain;
  const reason = plain === '/' ? 'it is the root of this host' : 'it contains control characters';
  throw new IsolateError('bad-name', `${JSON.stringify(text)} cannot be a template: ${reason}.`);
}
