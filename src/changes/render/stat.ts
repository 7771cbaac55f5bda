import type { BytePath, Change } from '../change.ts';
import { showPath } from '../show-path.ts';
import { describe, showSize } from '../words.ts';

/** How many lines of a text are new, and how many are gone. */
export interface LineCounts {
  readonly added: number;
  readonly removed: number;
}

interface Row {
  readonly name: string;
  readonly change: Change;
  readonly counts: LineCounts | undefined;
}

const mostOfGraph = 40;

/** A line for each file that was changed, with its lines where the caller counted them and bytes elsewhere, and at the end the sum. */
export function renderStat(changes: readonly Change[], countsOf: (path: BytePath) => LineCounts | undefined, width = 80): string {
  const rows = changes
    .filter(({ before, after }) => [before, after].some((state) => state !== null && state.kind !== 'directory'))
    .map((change) => ({ name: nameOf(change), change, counts: countsOf(change.path) }));
  const most = rows.reduce((most, { counts }) => Math.max(most, totalOf(counts)), 0);
  const digits = String(most).length;
  const longest = rows.reduce((most, { name }) => Math.max(most, name.length), 0);
  const nameWidth = Math.max(10, Math.min(longest, width - digits - 18));
  const graphWidth = Math.max(8, Math.min(mostOfGraph, width - nameWidth - digits - 5));
  const lines = rows.map(
    (row) => ` ${shorten(row.name, nameWidth).padEnd(nameWidth)} | ${valueOf(row, digits, graphWidth / Math.max(most, graphWidth))}`,
  );
  return [...lines, ` ${sumOf(changes, rows)}`].map((line) => `${line.trimEnd()}\n`).join('');
}

function nameOf({ path, movedFrom, kinds }: Change): string {
  return movedFrom !== undefined && kinds.includes('added') ? `${showPath(movedFrom)} => ${showPath(path)}` : showPath(path);
}

/** The end of a path says more than its beginning. */
function shorten(name: string, width: number): string {
  return name.length <= width ? name : `...${name.slice(name.length - width + 3)}`;
}

const totalOf = (counts: LineCounts | undefined): number => (counts === undefined ? 0 : counts.added + counts.removed);

function valueOf({ change, counts }: Row, digits: number, scale: number): string {
  if (counts === undefined) return valueWithoutLines(change);
  const mark = (sign: string, count: number): string => sign.repeat(count === 0 ? 0 : Math.max(1, Math.floor(count * scale)));
  return `${String(totalOf(counts)).padStart(digits)} ${mark('+', counts.added)}${mark('-', counts.removed)}`;
}

function valueWithoutLines(change: Change): string {
  const { before, after, kinds } = change;
  const isFile = [before, after].every((state) => state === null || state.kind === 'file');
  const hasOtherSize = before === null || after === null || kinds.includes('content');
  if (isFile && hasOtherSize) return `${before?.sizeBytes ?? 0} -> ${after?.sizeBytes ?? 0} bytes`;
  const { movedFrom: _, ...unmoved } = change;
  return (
    describe(unmoved)
      .map(({ text }) => text)
      .join(', ') || 'moved'
  );
}

function sumOf(changes: readonly Change[], rows: readonly Row[]): string {
  const sum = (counts: (row: Row) => number): number => rows.reduce((total, row) => total + counts(row), 0);
  const number = (count: number, one: string, more: string): readonly string[] =>
    count === 0 ? [] : [`${count} ${count === 1 ? one : more}`];
  const bytes = sum(({ change: { before, after } }) => fileSize(after) - fileSize(before));
  return (
    [
      ...number(rows.length, 'file changed', 'files changed'),
      ...number(changes.length - rows.length, 'directory changed', 'directories changed'),
      ...number(
        sum(({ counts }) => counts?.added ?? 0),
        'insertion(+)',
        'insertions(+)',
      ),
      ...number(
        sum(({ counts }) => counts?.removed ?? 0),
        'deletion(-)',
        'deletions(-)',
      ),
      ...(bytes === 0 ? [] : [`${showSize(Math.abs(bytes))} ${bytes > 0 ? 'more' : 'less'}`]),
    ].join(', ') || 'nothing changed'
  );
}

function fileSize(state: Change['before']): number {
  return state?.kind === 'file' ? state.sizeBytes : 0;
}
