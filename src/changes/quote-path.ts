import { Buffer } from 'node:buffer';

import { dangerousCharacters } from '../json.ts';
import { decodeUtf8 } from './bytes.ts';
import type { BytePath } from './change.ts';

/**
 * A path as C writes strings, in ASCII: as it is, or in double quotes if it contains a quote, a backslash, or a byte that is no printable
 * ASCII. git and patch read it.
 */
export function quotePath(path: BytePath): string {
  return /^[ !#-[\]-~]*$/.test(path) ? path : `"${path.replaceAll(/[^ !#-[\]-~]/g, escapeByte)}"`;
}

/** The same for people: UTF-8 stays readable, and spaces at the ends are quoted. Nothing in it is dangerous to a terminal. */
export function showQuoted(path: BytePath): string {
  const text = decodeUtf8(path);
  if (text === null) return quotePath(path);
  const escaped = escapeText(text);
  return escaped === text && !/^ | $|^$/.test(text) ? text : `"${escaped}"`;
}

/** What `showQuoted` has between the quotes. */
function escapeText(text: string): string {
  return text
    .replaceAll(/["\\]/g, String.raw`\$&`)
    .replaceAll(dangerousCharacters, (character) => Buffer.from(character).toString('latin1').replaceAll(/./gs, escapeByte));
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

function escapeByte(byte: string): string {
  return shortEscapes[byte] ?? `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
}
