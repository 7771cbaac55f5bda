import { dangerousCharacters, escapeCharacter } from '../../../json.ts';

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * Text as content of an element or value of an attribute in quotes. What is dangerous to a terminal is escaped too: a browser drops some of
 * it, and some would show the text in another order. Of those only tabs stay.
 */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(dangerousCharacters, (character) => (character === '\t' ? character : escapeCharacter(character)))
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
