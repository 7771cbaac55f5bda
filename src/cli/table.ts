import { escapeControls } from './escape.ts';

/** How a column is aligned. */
export type Alignment = 'left' | 'right';

/** Formats rows in columns; the first row has the titles. Each cell stays on one line, whatever it contains. */
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

/** A line cut to `width` characters, with a `>` in place of the rest; null: the whole line. */
export function cutLine(line: string, width: number | null): string {
  if (width === null || lengthOf(line) <= width) return line;
  return `${Array.from(line)
    .slice(0, Math.max(0, width - 1))
    .join('')}>`;
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}
