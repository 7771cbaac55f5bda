import { quote } from '../launch/format.ts';
import type { RunsDocument } from '../status/status.ts';
import { formatTime } from './format-time.ts';
import { formatTable } from './table.ts';

/** How much of a run's id is shown, unless more is needed to make it unique. */
const shortId = 8;
const titles = ['RUN', 'USER', 'PID', 'SINCE', 'TEMPLATE', 'ENGINE', 'COMMAND'];

/** The runs, one line each, without control characters. */
export function renderRuns({ runs }: RunsDocument): readonly string[] {
  const length = lengthToTell(runs.map(({ runId }) => runId));
  const rows = runs.map(({ runId, user, uid, pid, sinceMs, template, engine, command }) => [
    runId.slice(0, length),
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

/** The number of characters that tell these ids apart. */
function lengthToTell(ids: readonly string[]): number {
  let length = shortId;
  const all = new Set(ids).size;
  while (new Set(ids.map((id) => id.slice(0, length))).size < all) length += 1;
  return length;
}
