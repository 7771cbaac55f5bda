import { IsolateError } from '../../error.ts';
import { openStatusSource } from '../../run/status-source.ts';
import type { ParsedArguments } from '../parser.ts';
import { renderRuns } from '../render-runs.ts';
import { showDocument } from '../show-document.ts';

/** `isolate ps`: the runs that go on. */
export async function psVerb({ flags, words }: ParsedArguments): Promise<number> {
  if (words.length > 0) {
    throw new IsolateError('usage', `There is a word too many: ${JSON.stringify(words[0])}.`, { hint: 'isolate ps [OPTIONS]' });
  }
  const source = openStatusSource(process.getuid?.() ?? 0);
  try {
    await showDocument({
      title: 'ps',
      read: source.runs,
      render: renderRuns,
      json: flags.has('json'),
      watch: flags.has('watch'),
      trace: flags.has('trace'),
    });
    return 0;
  } finally {
    source.close();
  }
}
