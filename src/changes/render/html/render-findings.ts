import type { BytePath } from '../../change.ts';
import { countOf, type Finding, risks, shownItems } from '../../finding.ts';
import { showAbsolutePath } from '../../show-path.ts';
import { escapeHtml } from './escape.ts';

/** So many paths and items of a finding are listed. */
const mostListed = 200;

/** The findings by their risk; those without any are in a list that is closed. `idOf`: the element of a path, if the page has it. */
export function renderFindings(findings: readonly Finding[], idOf: (path: BytePath) => string | undefined): string {
  const byRisk = risks.flatMap((risk) => findings.filter((finding) => finding.risk === risk));
  const list = (some: readonly Finding[]): string =>
    `<ol class="findings">\n${some.map((finding) => renderFinding(finding, idOf)).join('')}</ol>\n`;
  const grave = byRisk.filter(({ risk }) => risk !== 'none');
  const harmless = byRisk.filter(({ risk }) => risk === 'none');
  const first = grave.length === 0 ? '<p>Nothing here needs attention.</p>\n' : list(grave);
  if (harmless.length === 0) return first;
  const count = harmless.length === 1 ? '1 finding' : `${harmless.length} findings`;
  return `${first}<details><summary>${count} without risk</summary>${list(harmless)}</details>\n`;
}

function renderFinding(finding: Finding, idOf: (path: BytePath) => string | undefined): string {
  const { risk, items, paths, why } = finding;
  const title = `<h3><span class="risk">${risk === 'none' ? 'no risk' : `${risk} risk`}</span> ${escapeHtml(countOf(finding))}</h3>`;
  const names = items.length === 0 ? '' : `<p>${escapeHtml(listed(shownItems(finding)))}</p>`;
  return `<li class="${risk}">${title}${names}<p class="quiet">${escapeHtml(why)}</p>${renderPaths(paths, idOf)}</li>\n`;
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, mostListed).join(', ');
  return items.length > mostListed ? `${shown} and ${items.length - mostListed} more` : shown;
}

function renderPaths(paths: readonly BytePath[], idOf: (path: BytePath) => string | undefined): string {
  if (paths.length === 0) return '';
  const links = paths.slice(0, mostListed).map((path) => {
    const id = idOf(path);
    const text = escapeHtml(showAbsolutePath(path));
    return `<li>${id === undefined ? text : `<a href="#${id}">${text}</a>`}</li>`;
  });
  const more = paths.length > mostListed ? [`<li>and ${paths.length - mostListed} more</li>`] : [];
  return `<details><summary>${paths.length === 1 ? '1 path' : `${paths.length} paths`}</summary><ul class="paths">${[...links, ...more].join('')}</ul></details>`;
}
