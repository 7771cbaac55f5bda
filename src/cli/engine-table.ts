import type { Engine } from '../engine/engine.ts';
import { features } from '../spec/features.ts';
import { runOptions } from '../spec/options/table.ts';

type Row = readonly [title: string, cell: (engine: Engine) => string];

/** What the engines can do, one line per ability, for help, the manual page and doctor. */
const rows: readonly Row[] = [
  ['isolates', ({ capabilities }) => yes(capabilities.isolates)],
  ['without root (-t)', ({ capabilities }) => yes(capabilities.unprivileged)],
  ['own network (no -n)', ({ capabilities }) => yes(capabilities.network === 'optional')],
  ['system-call filter', ({ capabilities }) => capabilities.seccomp],
  ...Object.entries(features).map(([feature, title]): Row => [
    [title, ...optionsFor(feature)].join(' '),
    ({ capabilities }) => yes(capabilities.features.some((offered) => offered === feature)),
  ]),
];

/** A title and a cell per engine; the first row has the names of the engines. */
export function engineRows(engines: readonly Engine[]): readonly (readonly string[])[] {
  return [['', ...engines.map(({ name }) => name)], ...rows.map(([title, cell]) => [title, ...engines.map(cell)])];
}

/** The table as text in columns, each line indented by `indent`. */
export function formatEngineTable(engines: readonly Engine[], indent: string): string {
  const cells = engineRows(engines);
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map(
      (row) =>
        `${indent}${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** In brackets, of more than two the first; nothing: no option stands for it alone. */
function optionsFor(feature: string): readonly string[] {
  const names = runOptions
    .filter((option) => option.feature === feature)
    .map(({ short, long }) => (short === undefined ? `--${long}` : `-${short}`));
  return names.length === 0 ? [] : [`(${names.slice(0, names.length > 2 ? 1 : 2).join(', ')})`];
}

function yes(value: boolean): string {
  return value ? 'yes' : '-';
}
