import { quote } from '../engine/format-launch.ts';
import type { RunsDocument } from '../run/status.ts';
import { formatTime } from './format-time.ts';
import { formatTable } from './table.ts';

/** The runs, one line each, without control characters. */
export function renderRuns({ runs }: RunsDocument): readonly string[] {
  const rows = runs.map(({ user, uid, pid, sinceMs, template, clone, engine, command }) => [
    user ?? String(uid),
    String(pid),
    formatTime(sinceMs),
    template,
    clone ?? '-',
    engine,
    command === null ? '-' : command.map(quote).join(' '),
  ]);
  return formatTable([titles, ...rows], ['left', 'right', 'left', 'left', 'left', 'left', 'left']);
}

const titles = ['USER', 'PID', 'SINCE', 'TEMPLATE', 'CLONE', 'ENGINE', 'COMMAND'];
