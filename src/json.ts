/** Control characters (C0, DEL, C1), and those that reorder a line on a terminal. */
export const dangerousCharacters = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * A value as JSON on one line that is safe for a terminal: JSON itself does not require escapes for C1 and for characters that reorder a
 * line.
 */
export function toJson(value: unknown): string {
  return escapeInJson(JSON.stringify(value));
}

/** The same for text that is already JSON, on one line. */
export function escapeInJson(json: string): string {
  return json.replaceAll(dangerousCharacters, escapeCharacter);
}

/** A dangerous character as `\u001b`, which JSON strings may contain. */
export function escapeCharacter(character: string): string {
  return String.raw`\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}
