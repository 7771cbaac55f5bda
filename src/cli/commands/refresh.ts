import { IsolateError } from '../../error.ts';
import { parseDataset } from '../../spec/parse-name.ts';
import { maximumCount, parseInteger } from '../../spec/parse-number.ts';
import { escapeControls } from '../escape.ts';
import { write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { openProgress } from '../progress.ts';
import { withStopSignals } from '../stop-signals.ts';
import { tellReport } from '../tell-report.ts';

/** `isolate refresh TEMPLATE [COUNT]` and `isolate -r TEMPLATE [COUNT]`: status 0 if the pool is as requested, else 1. */
export async function refreshVerb(parsed: ParsedArguments): Promise<number> {
  const { flags } = parsed;
  if (flags.has('all')) return await (await import('./clean-up.ts')).cleanUpVerb(parsed);
  const { template, count } = readWords(parsed);
  const progress = openProgress(flags.has('quiet') || flags.has('json'));
  const { refresh } = await import('../../upkeep/refresh-template.ts');
  try {
    const report = await withStopSignals((signal) =>
      refresh({
        template,
        ...(count === null ? {} : { count }),
        force: flags.has('force'),
        skipCreate: flags.has('skip-create'),
        signal,
        onProgress: progress.show,
        onWaiting: progress.tell,
        onContradiction: progress.tell,
        onWarning: (message) => {
          progress.end();
          write(2, `isolate: warning: ${escapeControls(message)}\n`);
        },
      }),
    );
    progress.end();
    return tellReport(report, flags) ? 0 : 1;
  } catch (error) {
    progress.end();
    throw error;
  }
}

function readWords({ values, words }: ParsedArguments): { template: string; count: number | null } {
  const [template, count, ...more] = [...(values.has('refresh') ? [values.get('refresh')] : []), ...words];
  if (template === undefined) {
    throw new IsolateError('usage', 'No template was given.', { hint: 'isolate refresh TEMPLATE [COUNT]' });
  }
  if (more.length > 0) {
    throw new IsolateError('usage', `Unexpected argument ${JSON.stringify(more[0])}.`, { hint: 'isolate refresh TEMPLATE [COUNT]' });
  }
  return { template: parseDataset(template), count: count === undefined ? null : parseInteger('COUNT', count, 1, maximumCount) };
}
