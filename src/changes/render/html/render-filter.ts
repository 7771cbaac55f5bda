import type { Change } from '../../change.ts';
import { formatCount } from '../../finding.ts';
import { type Letter, letterOf, letterWords } from '../../words.ts';

const letters: readonly Letter[] = ['A', 'M', 'D', 'R', 'T'];

/** How many changes there are of each kind. */
export function renderSums(changes: readonly Change[]): string {
  const sums = Array.from(
    countLetters(changes),
    ([letter, count]) => `<li class="${letter}"><strong>${formatCount(count)}</strong> ${letterWords[letter]}</li>`,
  );
  return `<ul class="sums" aria-label="Number of changes">${sums.join('')}</ul>\n`;
}

/** What chooses among the changes of the tree; the script shows it. */
export function renderFilter(changes: readonly Change[]): string {
  const kinds = [...countLetters(changes).keys()];
  const boxes = kinds.map((letter) => `<label><input type="checkbox" value="${letter}" checked> ${letterWords[letter]}</label>`);
  return `<form id="filter" role="search" hidden>
<label class="search">Path contains <input type="search" id="query" autocomplete="off" spellcheck="false"></label>
<fieldset${boxes.length === 1 ? ' hidden' : ''}><legend>Show</legend>${boxes.join('')}</fieldset>
<p><button type="button" id="expand">Expand all</button><button type="button" id="collapse">Collapse all</button> <span id="found" role="status"></span></p>
</form>
`;
}

/** In a fixed order, without those of which there are none. */
function countLetters(changes: readonly Change[]): ReadonlyMap<Letter, number> {
  const counts = new Map<Letter, number>(letters.map((letter) => [letter, 0]));
  for (const change of changes) counts.set(letterOf(change), (counts.get(letterOf(change)) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count > 0));
}
