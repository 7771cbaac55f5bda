import { dangerousCharacters } from '../json.ts';

/** Text from outside, fit to be printed in one line: control characters are shown as `\x1b` or `\u202e`. */
export function escapeControls(text: string): string {
  return text.replaceAll(dangerousCharacters, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
