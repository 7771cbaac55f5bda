import { Buffer } from 'node:buffer';

import { dangerousCharacters } from '../json.ts';
import { decodeUtf8, fromBytes } from './bytes.ts';
import type { BytePath } from './change.ts';

/**
 * A path as C writes strings, in ASCII: as it is, or in double quotes if it contains a quote, a backslash, or a byte that is no printable
 * ASCII. git and patch read it.
 */
export function quotePath(path: BytePath): string {
  return /^[ !#-[\]-~]*$/.test(path) ? path : `"${path.replaceAll(/[^ !#-[\]-~]/g, escapeByte)}"`;
}

/** The inverse of `quotePath` and `showPath` for what they put in quotes, in a text of the command line; null: it is nothing of that kind. */
export function unquotePath(text: string): BytePath | null {
  const [, inside] = /^"((?:[^"\\]|\\[abtnvfr"\\]|\\[0-3][0-7]{2})*)"$/.exec(text) ?? [];
  if (inside === undefined) return null;
  return toBytePath(inside).replaceAll(/\\([0-7]{3}|.)/g, (escaped, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (unescapes.get(escaped) ?? ''),
  );
}

/**
 * `quotePath` for people: UTF-8 stays readable, and spaces at the ends are quoted. Different paths look different, and nothing in one is
 * dangerous to a terminal.
 */
export function showPath(path: BytePath): string {
  const text = decodeUtf8(path);
  if (text === null) return quotePath(path);
  const escaped = escapeText(text);
  return escaped === text && !/^ | $|^$/.test(text) ? text : `"${escaped}"`;
}

/** A path from the root as `showPath` shows it, with the slash at its beginning. */
export function showAbsolutePath(path: BytePath): string {
  return showPath(path === '.' ? '/' : `/${path}`);
}

/** Text from outside on one line, with what is dangerous to a terminal escaped as in `showPath`, but without quotes. */
export function showText(text: string): string {
  return text.replaceAll(dangerousCharacters, escapeCharacter);
}

/** The bytes of a text, as in a `BytePath`. */
export function toBytePath(text: string): BytePath {
  return /^[\0-\x7f]*$/.test(text) ? text : fromBytes(Buffer.from(text));
}

/** What `showPath` has between the quotes. */
function escapeText(text: string): string {
  return showText(text.replaceAll(/["\\]/g, String.raw`\$&`));
}

function escapeCharacter(character: string): string {
  return fromBytes(Buffer.from(character)).replaceAll(/./gs, escapeByte);
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\u0007': String.raw`\a`,
  '\b': String.raw`\b`,
  '\t': String.raw`\t`,
  '\n': String.raw`\n`,
  '\v': String.raw`\v`,
  '\f': String.raw`\f`,
  '\r': String.raw`\r`,
  '"': String.raw`\"`,
  '\\': String.raw`\\`,
};

const unescapes = new Map(Object.entries(shortEscapes).map(([byte, escaped]) => [escaped, byte]));

function escapeByte(byte: string): string {
  return shortEscapes[byte] ?? `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
}
