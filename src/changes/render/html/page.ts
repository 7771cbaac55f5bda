import type { BytePath, Change } from '../../change.ts';
import { type Report, risks, riskTitles } from '../../finding.ts';
import { isPlainAddition } from '../../words.ts';
import type { TextDiff } from '../text-diff.ts';
import { escapeHtml } from './escape.ts';
import { renderFilter, renderSums } from './render-filter.ts';
import { findingsOf, renderFindings } from './render-findings.ts';
import { patchRenderer } from './render-patches.ts';
import { countChanges, renderTree } from './render-tree.ts';
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
  // A finding may know a moved file by the place where it was.
  const pathsOf = ({ path, movedFrom }: Change): readonly BytePath[] => (movedFrom === undefined ? [path] : [movedFrom, path]);
  const idsOfPaths = new Map(shown.flatMap((change, index) => pathsOf(change).map((path) => [path, `c${index}`])));
  yield `${renderHead(title, report.summary)}<header>\n<h1>${escapeHtml(title)}</h1>\n${renderNavigation(report, changes.length)}</header>\n<main>\n`;
  yield `<section id="report" aria-labelledby="report-title">\n<h2 id="report-title">What it means</h2>\n`;
  yield renderFindings(report.findings, (path) => idsOfPaths.get(path));
  yield `</section>\n<section id="changes" aria-labelledby="changes-title" tabindex="-1">\n<h2 id="changes-title">Changes</h2>\n`;
  if (changes.length === 0) yield '<p>Nothing changed.</p>\n';
  else yield `${renderSums(changes)}${renderFilter(shown)}${renderLeftOut(changes.length - shown.length)}<ul class="tree">\n`;
  yield* renderTree(buildTree(shown), { ids, patchOf: patchRenderer(patches) });
  yield `${changes.length === 0 ? '' : '</ul>\n'}</section>\n</main>\n`;
  yield '<footer><p>Made by isolate. This page loads nothing and sends nothing.</p></footer>\n';
  yield `${changes.length === 0 ? '' : `<script>${script}</script>\n`}</body>\n</html>\n`;
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
  if (count === 0) return '';
  return `<p>${countChanges(count)} ${count === 1 ? 'is' : 'are'} left out, because the page would be too large.</p>\n`;
}

function renderHead(title: string, summary: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="description" content="${escapeHtml(summary)}">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#changes">Skip to the changes</a>
`;
}

/** How much there is of what, as links to it. */
function renderNavigation({ findings }: Report, count: number): string {
  if (count === 0) return '';
  const links = risks.flatMap((risk) => {
    const { length } = findingsOf(findings, risk);
    if (length === 0 || risk === 'none') return [];
    return [`<li><a class="${risk}" href="#${risk}"><strong>${length}</strong> ${riskTitles[risk].toLowerCase()}</a></li>`];
  });
  const changes = `<li><a href="#changes">${countChanges(count).replace(/^\S+/, '<strong>$&</strong>')}</a></li>`;
  return `<nav aria-label="Parts of this page"><ul>${links.join('')}${changes}</ul></nav>\n`;
}
