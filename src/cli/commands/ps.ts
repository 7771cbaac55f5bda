import { IsolateError } from '../../error.ts';
import type { ParsedArguments } from '../parser.ts';
import { renderRuns } from '../render-runs.ts';
import { showStatus } from '../show-status.ts';

/** `isolate ps`: the runs that go on. */
export async function psVerb(parsed: ParsedArguments): Promise<number> {
  const [word] = parsed.words;
  if (word !== undefined) {
    throw new IsolateError('usage', `There is a word too many: ${JSON.stringify(word)}.`, { hint: 'isolate ps [OPTIONS]' });
  }
  return await showStatus({ title: 'ps', read: (source) => source.runs(), render: renderRuns }, parsed);
}
