import type { Difference } from '../template/listing.ts';
import { isSame } from '../template/listing.ts';
import { escapeControls } from './escape.ts';

/** How many paths are named. */
const mostPaths = 10;

/** What changed in a template, as lines: how much, then some of the paths. */
export function renderDifference(name: string, difference: Difference): string {
  if (isSame(difference)) return `isolate: nothing in ${name} changed\n`;
  const { added, changed, removed } = difference;
  const counts = [
    [added.length, 'added'],
    [changed.length, 'changed'],
    [removed.length, 'removed'],
  ] as const;
  const said = counts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])).join(', ');
  const paths = [...added.map((path) => `+ /${path}`), ...changed.map((path) => `~ /${path}`), ...removed.map((path) => `- /${path}`)];
  const rest = paths.length > mostPaths ? [`  and ${paths.length - mostPaths} more`] : [];
  const shown = [...paths.slice(0, mostPaths).map((path) => `  ${escapeControls(path)}`), ...rest];
  return `isolate: files in ${name}: ${said}\n${shown.map((line) => `${line}\n`).join('')}`;
}
