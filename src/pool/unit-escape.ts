import { IsolateError } from '../error.ts';

const plainByte = /[A-Za-z0-9:_.]/;

/**
 * Escapes `text` for use in a unit name, exactly as systemd-escape(1) does without options, so that the instance of
 * `isolate-refresh@.path` and the names of our state files are the same.
 */
export function escapeUnitName(text: string): string {
  let escaped = '';
  for (const [index, byte] of Buffer.from(text, 'utf8').entries()) {
    const character = String.fromCharCode(byte);
    if (character === '/') escaped += '-';
    else if (plainByte.test(character) && !(index === 0 && character === '.')) escaped += character;
    else escaped += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return escaped;
}

/** The inverse of `escapeUnitName`; throws `bad-name` for text that it never returns. */
export function unescapeUnitName(escaped: string): string {
  const bytes: number[] = [];
  for (let index = 0; index < escaped.length; index += 1) {
    const character = escaped.charAt(index);
    if (character === '\\') {
      const digits = /^\\x([0-9a-f]{2})/.exec(escaped.slice(index))?.[1];
      if (digits === undefined) throw badEscape(escaped);
      bytes.push(Number.parseInt(digits, 16));
      index += 3;
    } else if (character === '-') bytes.push(0x2f);
    else if (plainByte.test(character)) bytes.push(character.charCodeAt(0));
    else throw badEscape(escaped);
  }
  const text = Buffer.from(bytes).toString('utf8');
  // Each text has only one escaped form; otherwise two names could mean the same template.
  if (escapeUnitName(text) !== escaped) throw badEscape(escaped);
  return text;
}

function badEscape(escaped: string): IsolateError {
  return new IsolateError('bad-name', `"${escaped}" is not an escaped unit name.`);
}
