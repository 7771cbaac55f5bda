import type { BytePath } from '../../change.ts';
import { countOf, type Finding, formatCount, packagesNote, type Risk, risks, riskTitles, shownItems } from '../../finding.ts';
import { showAbsolutePath } from '../../show-path.ts';
import { escapeHtml } from './escape.ts';

/** So many items of a finding are on the page. */
const mostListed = 200;
/** So many of them are seen at once, beside those that always are. */
const mostSeen = 5;

type IdOf = (path: BytePath) => string | undefined;

/** The findings by their risk; those without any are closed. `idOf`: the element of a path, if the page has it. */
export function renderFindings(findings: readonly Finding[], idOf: IdOf): string {
  const groups = risks.map((risk) => renderGroup(risk, findingsOf(findings, risk), idOf));
  const isHarmless = findings.every(({ risk }) => risk === 'none');
  return `${isHarmless ? '<p>Nothing here needs attention.</p>\n' : ''}${groups.join('')}`;
}

export function findingsOf(findings: readonly Finding[], wanted: Risk): readonly Finding[] {
  return findings.filter(({ risk }) => risk === wanted);
}

function renderGroup(risk: Risk, findings: readonly Finding[], idOf: IdOf): string {
  if (findings.length === 0) return '';
  const count = findings.length === 1 ? '1 finding' : `${findings.length} findings`;
  const heading = `<h3 id="${risk}-title">${riskTitles[risk]} <span class="c">${count}</span></h3>`;
  const list = `<ol class="findings">\n${findings.map((finding) => renderFinding(finding, idOf)).join('')}</ol>`;
  const group = risk === 'none' ? `<details><summary>${heading}</summary>\n${list}</details>` : `${heading}\n${list}`;
  return `<section id="${risk}" class="${risk}" aria-labelledby="${risk}-title">${group}</section>\n`;
}

function renderFinding(finding: Finding, idOf: IdOf): string {
  const title = `<h4>${escapeHtml(countOf(finding))}<span class="c">${packagesNote(finding)}</span></h4>`;
  return `<li><div>${title}<p class="quiet">${escapeHtml(finding.why)}</p></div>${renderItems(finding, idOf)}</li>\n`;
}

interface Item {
  readonly text: string;
  /** Where it is, or the first of several places. */
  readonly path: BytePath | undefined;
}

function listItems(finding: Finding): readonly Item[] {
  const { items, paths } = finding;
  if (items.length === 0) return [...new Set(paths)].map((path) => ({ text: showAbsolutePath(path), path }));
  const places = new Map<string, BytePath | undefined>();
  for (const [index, item] of items.entries()) if (!places.has(item)) places.set(item, paths[index]);
  const first = [...places.values()];
  return shownItems(finding).map((text, index) => ({ text, path: first[index] }));
}

function renderItems(finding: Finding, idOf: IdOf): string {
  const items = listItems(finding);
  if (items.length === 0) return '';
  const most = new Set(finding.items.slice(0, finding.inFull)).size + mostSeen;
  // A line that says "1 more" could say the item instead.
  const seen = Math.min(items.length === most + 1 ? items.length : most, mostListed);
  const [open, folded] = [items.slice(0, seen), items.slice(seen, mostListed)];
  const left = items.length - open.length - folded.length;
  const rest = `${folded.map((item) => renderItem(item, idOf)).join('')}${left === 0 ? '' : `<li>and ${formatCount(left)} more</li>`}`;
  const more =
    folded.length === 0 ? '' : `<li><details><summary>${formatCount(items.length - seen)} more</summary><ul>${rest}</ul></details></li>`;
  return `<ul class="items">${open.map((item) => renderItem(item, idOf)).join('')}${more}</ul>`;
}

function renderItem({ text, path }: Item, idOf: IdOf): string {
  const id = path === undefined ? undefined : idOf(path);
  return `<li>${id === undefined ? `<span>${escapeHtml(text)}</span>` : `<a href="#${id}">${escapeHtml(text)}</a>`}</li>`;
}
