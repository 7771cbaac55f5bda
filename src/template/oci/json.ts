import { IsolateError } from '../../error.ts';

/** An object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** No index, manifest or configuration of an image is longer, in bytes. (containers/image has the same limit.) */
export const longestJson = 4 * 1024 * 1024;

/** `what` is the file in errors, which show nothing of its content: it may be a private file of this host. Throws `bad-source`. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw bad(`${what} is not JSON.`);
  }
}

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${what} is not an object.`);
  return value as Fields;
}

/** null, as some tools write it, is an empty list. */
export function listOf(value: unknown, what: string, most: number): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw bad(`${what} is not a list.`);
  if (value.length > most) throw bad(`${what} has ${value.length} elements, more than ${most}.`);
  return value;
}

/** null: absent. */
export function textOf(value: unknown, what: string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string' || value.includes('\0')) throw bad(`${what} is not a string without NUL characters.`);
  return value;
}

/** More than a media type, a platform or a name has. */
const longestLine = 1000;

/** A text that errors may quote. */
export function lineOf(value: unknown, what: string): string | null {
  const text = textOf(value, what);
  if (text !== null && text.length > longestLine) throw bad(`${what} is longer than ${longestLine} characters.`);
  return text;
}

export function textsOf(value: unknown, what: string, most: number): readonly string[] {
  return listOf(value, what, most).map((each) => {
    const text = textOf(each, `An element of ${what}`);
    if (text === null) throw bad(`An element of ${what} is null.`);
    return text;
  });
}

export function bad(message: string): IsolateError {
  return new IsolateError('bad-source', message);
}
