import type { RunsDocument } from '../../status/status.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { renderRuns } from '../render-runs.ts';
import { showStatus, type StatusView } from '../show-status.ts';
import { refuseWords } from './refuse-words.ts';

/** `isolate ps`: the runs in progress. */
export async function psVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate ps [OPTIONS]');
  return await showStatus(runsView, parsed);
}

export const runsView: StatusView<RunsDocument> = { title: 'ps', read: (source) => source.runs(), render: renderRuns };
