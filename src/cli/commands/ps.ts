import type { ParsedArguments } from '../parser.ts';
import { renderRuns } from '../render-runs.ts';
import { showStatus } from '../show-status.ts';
import { refuseWords } from './refuse-words.ts';

/** `isolate ps`: the runs that go on. */
export async function psVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate ps [OPTIONS]');
  return await showStatus({ title: 'ps', read: (source) => source.runs(), render: renderRuns }, parsed);
}
