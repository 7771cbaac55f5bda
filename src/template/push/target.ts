import { IsolateError } from '../../error.ts';
import { parseSource } from '../fill/source.ts';
import { checkReference } from '../oci/reference.ts';
import type { PathBase } from '../path-base.ts';

/** Where the image of a template goes: a registry, a layout in a directory, or the same in an archive. */
export type PushTarget =
  | { readonly kind: 'registry'; readonly reference: string }
  | { readonly kind: 'layout'; readonly path: string; readonly name: string | null }
  | { readonly kind: 'archive'; readonly path: string; readonly name: string | null };

/** All forms of a target, for messages. */
export const targetForms = 'docker://IMAGE, oci:DIRECTORY[:NAME], oci-archive:FILE[:NAME]';

/**
 * Reads a target. What stands after the last colon of a path is the image's name, unless it has a slash. Throws `usage`, and `bad-source`
 * for a reference that is none.
 */
export function parsePushTarget(text: string, base: PathBase): PushTarget {
  if (!/^(?:docker:\/\/|oci:|oci-archive:)/.test(text)) throw unknown(text);
  const source = parseSource(text, base);
  if (source.kind !== 'image') throw unknown(text);
  const { format, locator } = source;
  if (format === 'docker') return { kind: 'registry', reference: checkReference(locator) };
  const [, path = locator, name = null] = /^(.+):([^:/]+)$/s.exec(locator) ?? [];
  if (name !== null && !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new IsolateError('usage', `${JSON.stringify(name)} is not a name for an image.`, {
      hint: 'a name has letters, digits and "._-"',
    });
  }
  return { kind: format === 'oci' ? 'layout' : 'archive', path, name };
}

function unknown(text: string): IsolateError {
  return new IsolateError('usage', `A template cannot be pushed to ${JSON.stringify(text)}.`, { hint: `it goes to ${targetForms}` });
}
