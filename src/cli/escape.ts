/** Control characters (C0, DEL, C1), and those that reorder a line on a terminal. */
// oxlint-disable-next-line no-control-regex
const dangerous = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Text from outside, fit to be printed in one line: control characters are shown as `\x1b` or `\u202e`. */
export function escapeControls(text: string): string {
  return text.replaceAll(dangerous, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
