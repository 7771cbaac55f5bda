import { quote } from '../engine/format-launch.ts';
import type { RunsDocument } from '../run/status.ts';
import { formatTime } from './format-time.ts';
import { formatTable } from './table.ts';

/** So much of a run's id is shown, and enough to name it. */
const shortId = 8;
const titles = ['RUN', 'USER', 'PID', 'SINCE', 'TEMPLATE', 'ENGINE', 'COMMAND'];

/** The runs, one line each, without control characters. */
export function renderRuns({ runs }: RunsDocument): readonly string[] {
  const rows = runs.map(({ runId, user, uid, pid, sinceMs, template, engine, command }) => [
    runId.slice(0, shortId),
    user ?? String(uid),
    String(pid),
    formatTime(sinceMs),
    template,
    engine,
    command === null ? '-' : command.map(quote).join(' '),
  ]);
  return formatTable(
    [titles, ...rows],
    titles.map(() => 'left'),
  );
}
