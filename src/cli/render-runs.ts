import { quote } from '../engine/format-launch.ts';
import type { RunsDocument } from '../run/status.ts';
import { formatTime } from './format-time.ts';
import { type Alignment, formatTable } from './table.ts';

/** The runs, one line each, without control characters; in a narrow window without their clones. */
export function renderRuns({ runs }: RunsDocument, _nowMs: number, width: number | null): readonly string[] {
  const rows = runs.map(({ user, uid, pid, sinceMs, template, clone, engine, command }) => [
    user ?? String(uid),
    String(pid),
    formatTime(sinceMs),
    template,
    clone ?? '-',
    engine,
    command === null ? '-' : command.map(quote).join(' '),
  ]);
  const all = [titles, ...rows];
  const lines = formatTable(all, alignments);
  if (width === null || lines.every((line) => line.length <= width)) return lines;
  const left = width - (lines[0]?.indexOf('COMMAND') ?? 0);
  return left >= leastCommand ? lines : formatTable(all.map(withoutClone), withoutClone(alignments));
}

/** So much of a command tells more than the name of its clone. */
const leastCommand = 30;
const alignments: readonly Alignment[] = ['left', 'right', 'left', 'left', 'left', 'left', 'left'];
const titles = ['USER', 'PID', 'SINCE', 'TEMPLATE', 'CLONE', 'ENGINE', 'COMMAND'];

function withoutClone<Cell>(row: readonly Cell[]): readonly Cell[] {
  return row.toSpliced(titles.indexOf('CLONE'), 1);
}
