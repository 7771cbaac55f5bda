import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import type { Machine } from './machine.ts';
import type { Summary } from './measure.ts';

export interface Goal {
  readonly name: string;
  readonly value: number;
  /** Absent: `least` is the goal. */
  readonly most?: number;
  readonly least?: number;
  readonly unit?: string;
}

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  /** A text takes no column: it is a sentence about the row. */
  readonly rows: readonly { readonly name: string; readonly cells: readonly (number | string)[]; readonly text?: string }[];
}

/** What a part of the benchmark found. */
export interface Findings {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
}

/** The table of commands that were measured alike. */
export function tableOf(title: string, summaries: Readonly<Record<string, Summary>>): Table {
  return {
    title,
    head: ['median ms', 'p99 ms', 'least ms', 'cpu ms', 'peak MiB', 'runs'],
    rows: Object.entries(summaries).map(([name, { medianMs, p99Ms, leastMs, cpuMs, peakKib, runs }]) => ({
      name,
      cells: [medianMs, p99Ms, leastMs, cpuMs, peakKib / 1024, String(runs)],
    })),
  };
}

/** Prints what was found and writes the same to `file` as JSON. */
export function report(machine: Machine, findings: readonly Findings[], file: string): void {
  const tables = findings.flatMap((found) => found.tables);
  const goals = findings.flatMap((found) => found.goals);
  const lines = Object.entries(machine).map(([name, value]) => `${name}: ${value}`);
  for (const table of tables) lines.push('', ...formatTable(table));
  if (goals.length > 0) lines.push('', row('goals', ['is', 'goal', '']), ...goals.map(formatGoal));
  process.stdout.write(`${lines.join('\n')}\n`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ machine, tables, goals }, null, 2)}\n`);
}

function formatTable({ title, head, rows }: Table): string[] {
  const lines = rows.flatMap(({ name, cells, text }) => [
    row(
      `  ${name}`,
      cells.map((cell) => formatCell(cell)),
    ),
    ...(text === undefined ? [] : [`      ${text}`]),
  ]);
  return [row(title, head), ...lines];
}

function formatCell(cell: number | string): string {
  if (typeof cell === 'string') return cell;
  return Number.isNaN(cell) ? '' : cell.toFixed(cell < 10 ? 2 : 1);
}

function formatGoal({ name, value, most, least, unit = '' }: Goal): string {
  const met = (most === undefined || value <= most) && (least === undefined || value >= least);
  const goal = most === undefined ? `>= ${String(least)}` : `<= ${String(most)}`;
  return row(`  ${name}`, [`${value.toFixed(2)} ${unit}`.trim(), `${goal} ${unit}`.trim(), met ? 'met' : 'missed']);
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(64) + cells.map((cell) => cell.padStart(12)).join('');
}
