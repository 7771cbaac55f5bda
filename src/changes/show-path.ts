import { dangerousCharacters } from '../json.ts';
import type { BytePath } from './change.ts';

/**
 * A path as text for people that is safe for a terminal. What is not UTF-8 and what is dangerous appears as `\xff` or `\u202e`. A backslash
 * is doubled, so that different names look different.
 */
export function showPath(path: BytePath): string {
  if (/^[ -[\]-~]*$/.test(path)) return path;
  return decode(path.replaceAll('\\', '\\\\')).replaceAll(dangerousCharacters, escape);
}

/** The bytes of a text, as in a `BytePath`. */
export function toBytePath(text: string): BytePath {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Text from outside on one line, with what is dangerous to a terminal escaped. */
export function showText(text: string): string {
  return text.replaceAll(dangerousCharacters, escape);
}

/** A character at a time, because only the bytes that are no UTF-8 are escaped. */
function decode(bytes: BytePath): string {
  const sequence = /[\0-\x7f]+|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[^]/g;
  return bytes.replaceAll(sequence, (part) => {
    if (part.charCodeAt(0) < 0x80) return part;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, 'latin1'));
    } catch {
      return Array.from(part, (byte) => escapeByte(byte.charCodeAt(0))).join('');
    }
  });
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x80 ? escapeByte(code) : `\\u${code.toString(16).padStart(4, '0')}`;
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
