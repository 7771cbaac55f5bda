import { loadConfig } from '../../config/load.ts';
import { IsolateError } from '../../error.ts';
import { rightsOf } from '../../host/rights.ts';
import { runtimePaths, systemRuntimeDirectory } from '../../pool/paths.ts';
import { templatesBesides } from '../../status/local-pools.ts';
import { cleanUp } from '../../upkeep/clean-up.ts';
import { escapeControls } from '../escape.ts';
import { write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { openProgress } from '../progress.ts';
import { renderError } from '../render-error.ts';
import { withStopSignals } from '../stop-signals.ts';
import { tellReport } from '../tell-report.ts';

/** `isolate refresh --skip-create --all`: status 0 if everything was destroyed that had to be, or is still in use. */
export async function cleanUpVerb({ flags, words }: ParsedArguments): Promise<number> {
  const form = 'isolate refresh --skip-create --all';
  if (!flags.has('skip-create')) throw new IsolateError('usage', 'The option --all needs --skip-create.', { hint: form });
  if (words.length > 0) throw new IsolateError('usage', 'The option --all is for no single template.', { hint: form });
  const progress = openProgress(flags.has('quiet') || flags.has('json'));
  const datasets = rightsOf(process.getuid?.() ?? 0) === 'root' ? await findDatasets() : [];
  let isWhole = true;
  const tell = (text: string): void => {
    progress.end();
    write(2, text);
  };
  await withStopSignals((signal) =>
    cleanUp({
      datasets,
      force: flags.has('force'),
      signal,
      onProgress: progress.show,
      onWaiting: progress.tell,
      onWarning: (message) => tell(`isolate: warning: ${escapeControls(message)}\n`),
      onReport: (report) => {
        progress.end();
        isWhole = tellReport(report, flags) && isWhole;
      },
      onFailure: (_template, error) => {
        isWhole = false;
        tell(renderError(error, flags.has('trace')));
      },
    }),
  ).finally(progress.end);
  return isWhole ? 0 : 1;
}

/** Those that the settings or the state name. */
async function findDatasets(): Promise<readonly string[]> {
  const configured = new Set((await loadConfig()).templates.keys());
  return [...configured, ...templatesBesides(runtimePaths(systemRuntimeDirectory), configured)];
}
