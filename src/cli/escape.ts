import { dangerousCharacters } from '../json.ts';

/** Makes text from outside safe to print on one line: control characters appear as `\x1b` or `\u202e`. */
export function escapeControls(text: string): string {
  return text.replaceAll(dangerousCharacters, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
