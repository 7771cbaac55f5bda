import { IsolateError } from '../error.ts';

/** One side of `isolate cp`. */
export type Endpoint =
  /** Standard input or output, a tar archive. */
  | { readonly kind: 'stream' }
  | ({ readonly kind: 'host'; readonly path: string } & PathForm)
  /** `path` is beneath the root, without a slash at its ends, `.` or `..`; "." is the root itself. */
  | ({ readonly kind: 'guest'; readonly name: string; readonly path: string } & PathForm);

interface PathForm {
  /** As it was typed. */
  readonly word: string;
  /** It ends in a slash, so there has to be a directory. */
  readonly isDirectory: boolean;
  /** It ends in `.`, or is a root: what is in the directory, without a name of its own. */
  readonly isContents: boolean;
}

/** `NAME:PATH`, `-`, or a path of the host; one with a colon before its first slash needs `./` before it. Throws `usage`. */
export function parseEndpoint(word: string): Endpoint {
  if (word === '-') return { kind: 'stream' };
  const [, name, path] = /^([^/:]+):(.*)$/s.exec(word) ?? [];
  const form = { word, isDirectory: /(?:^|\/)\.{0,2}$/.test(path ?? word), isContents: /(?:^|\/)\.{1,2}\/*$|^\/*$/.test(path ?? word) };
  if (name !== undefined && path !== undefined && !name.startsWith('.')) {
    const clean = cleanPath(path);
    return { kind: 'guest', name, path: clean, ...form, isContents: form.isContents || clean === '.' };
  }
  if (word === '') throw new IsolateError('usage', 'A path is empty.', { hint: 'isolate cp NAME:PATH PATH' });
  return { kind: 'host', path: word, ...form };
}

/** No link is followed, so `..` means the directory before it, and the root has none above. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.length === 0 ? '.' : parts.join('/');
}
