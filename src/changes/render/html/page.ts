import type { BytePath, Change } from '../../change.ts';
import type { Report } from '../../finding.ts';
import { isPlainAddition, type Letter, letterOf, letterWords } from '../../words.ts';
import type { TextDiff } from '../text-diff.ts';
import { escapeHtml } from './escape.ts';
import { renderFindings } from './render-findings.ts';
import { patchRenderer } from './render-patches.ts';
import { renderTree } from './render-tree.ts';
import { script, scriptHash } from './script.ts';
import { style, styleHash } from './style.ts';
import { buildTree } from './tree.ts';

export interface Page {
  /** What was changed, for people. */
  readonly title: string;
  readonly report: Report;
  /** In the order of a walk. */
  readonly changes: readonly Change[];
  /** Of those texts that were compared, by their paths after the change. */
  readonly patches: ReadonlyMap<BytePath, TextDiff>;
  /** More changes are left out, plain additions first. */
  readonly mostChanges?: number;
}

const defaultMost = 20_000;
const policy = [
  `default-src 'none'`,
  `style-src '${styleHash}'`,
  `script-src '${scriptHash}'`,
  `base-uri 'none'`,
  `form-action 'none'`,
].join('; ');

/**
 * A page in one file that needs nothing else: the report, and the tree of changes with what is known of each. It works without a script,
 * and nothing of the changes becomes part of it but as text.
 */
export function* renderHtml({ title, report, changes, patches, mostChanges = defaultMost }: Page): Generator<string> {
  const shown = chooseShown(changes, mostChanges);
  const ids = new Map(shown.map((change, index) => [change, `c${index}`]));
  const idsOfPaths = new Map(shown.map((change, index) => [change.path, `c${index}`]));
  yield renderHead(title);
  yield `<header>\n<h1>${escapeHtml(title)}</h1>\n<p class="summary">${escapeHtml(report.summary)}</p>\n${renderSums(changes)}`;
  yield '<nav aria-label="Parts of this page"><ul><li><a href="#report">Report</a></li><li><a href="#changes">Changes</a></li></ul></nav>\n</header>\n<main>\n';
  yield `<section id="report" aria-labelledby="report-title">\n<h2 id="report-title">What it means</h2>\n`;
  yield renderFindings(report.findings, (path) => idsOfPaths.get(path));
  yield `</section>\n<section id="changes" aria-labelledby="changes-title" tabindex="-1">\n<h2 id="changes-title">Changes</h2>\n${renderFilter()}`;
  if (shown.length < changes.length) yield `<p>${renderLeftOut(changes.length - shown.length)}</p>\n`;
  yield shown.length === 0 ? '<p>Nothing changed.</p>\n' : '<ul class="tree">\n';
  yield* renderTree(buildTree(shown), { ids, patchOf: patchRenderer(patches) });
  yield `${shown.length === 0 ? '' : '</ul>\n'}</section>\n</main>\n<footer><p>Made by isolate. This page loads nothing and sends nothing.</p></footer>\n`;
  yield `<script>${script}</script>\n</body>\n</html>\n`;
}

function chooseShown(changes: readonly Change[], most: number): readonly Change[] {
  if (changes.length <= most) return changes;
  let leftForPlain = most - Math.min(most, changes.filter((change) => !isPlainAddition(change)).length);
  let left = most;
  return changes.filter((change) => {
    if (left === 0 || (isPlainAddition(change) && leftForPlain === 0)) return false;
    if (isPlainAddition(change)) leftForPlain -= 1;
    left -= 1;
    return true;
  });
}

function renderLeftOut(count: number): string {
  return `${count === 1 ? '1 change is' : `${count} changes are`} left out, because the page would be too large.`;
}

function renderHead(title: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#changes">Skip to the changes</a>
`;
}

const letters: readonly Letter[] = ['A', 'M', 'D', 'R', 'T'];

function renderSums(changes: readonly Change[]): string {
  const counts = new Map<Letter, number>();
  for (const change of changes) counts.set(letterOf(change), (counts.get(letterOf(change)) ?? 0) + 1);
  const sums = letters.flatMap((letter) => {
    const count = counts.get(letter);
    return count === undefined ? [] : [`<li class="${letter}"><strong>${count}</strong> ${letterWords[letter]}</li>`];
  });
  return sums.length === 0 ? '' : `<ul class="sums" aria-label="Number of changes">${sums.join('')}</ul>\n`;
}

function renderFilter(): string {
  const boxes = letters.map((letter) => `<label><input type="checkbox" value="${letter}" checked> ${letterWords[letter]}</label>`);
  return `<form id="filter" role="search" hidden>
<label class="search">Path contains <input type="search" id="query" autocomplete="off" spellcheck="false"></label>
<fieldset><legend>Show</legend> ${boxes.join(' ')}</fieldset>
<p><button type="button" id="expand">Expand all</button><button type="button" id="collapse">Collapse all</button> <span id="found" role="status"></span></p>
</form>
`;
}
