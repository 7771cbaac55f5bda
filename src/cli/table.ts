import { escapeControls } from './escape.ts';

/** How a column is set. */
export type Alignment = 'left' | 'right';

/** Rows in columns, the first being the titles; each cell is one line, whatever is in it. */
export function formatTable(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): readonly string[] {
  const cells = rows.map((row) => row.map(escapeControls));
  const widths = alignments.map((_, column) => Math.max(...cells.map((row) => lengthOf(row[column] ?? ''))));
  return cells.map((row) =>
    alignments
      .map((alignment, column) => {
        const cell = row[column] ?? '';
        const padding = ' '.repeat((widths[column] ?? 0) - lengthOf(cell));
        return alignment === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A line of at most `width` characters, with a `>` in place of what is left out; null: all of it. */
export function cutLine(line: string, width: number | null): string {
  if (width === null || lengthOf(line) <= width) return line;
  return `${Array.from(line)
    .slice(0, Math.max(0, width - 1))
    .join('')}>`;
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
