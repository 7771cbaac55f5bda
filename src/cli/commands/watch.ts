import { IsolateError } from '../../error.ts';
import { parseDataset } from '../../spec/parse-name.ts';
import { maximumCount, parseInteger } from '../../spec/parse-number.ts';
import { write } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { renderError, renderErrorJson } from '../render-error.ts';
import { renderReport, renderReportJson } from '../render-report.ts';
import { withStopSignals } from '../stop-signals.ts';

/**
 * `isolate watch [TEMPLATE[=COUNT]...]`: refreshes whenever a run ends, until it is told to stop. Without words it takes the templates of
 * the settings.
 */
export async function watchVerb({ flags, words }: ParsedArguments): Promise<number> {
  const json = flags.has('json');
  const pools = words.length > 0 ? words.map(parsePool) : await readConfigured();
  const { watch } = await import('../../upkeep/watch-templates.ts');
  await withStopSignals((signal) =>
    watch({
      pools,
      signal,
      onReport: (report) => {
        if (json || !flags.has('quiet')) {
          write(1, json ? renderReportJson(report) : renderReport(report));
        }
      },
      onError: (error) => {
        write(2, json ? renderErrorJson(error) : renderError(error, flags.has('trace')));
      },
    }),
  );
  return 0;
}

async function readConfigured(): Promise<{ template: string }[]> {
  if (process.getuid?.() !== 0) {
    throw new IsolateError('not-permitted', 'Only root can keep pools full.', { hint: 'run isolate with sudo' });
  }
  const [{ configPath }, { loadConfig }] = await Promise.all([import('../../config/config.ts'), import('../../config/load.ts')]);
  const templates = [...(await loadConfig()).templates.keys()];
  if (templates.length === 0) {
    throw new IsolateError('usage', `No template was given, and ${configPath} names none.`, { hint: 'isolate watch TEMPLATE[=COUNT]...' });
  }
  return templates.map((template) => ({ template }));
}

/** `TEMPLATE` or `TEMPLATE=COUNT`. */
function parsePool(text: string): { template: string; count?: number } {
  const [template = '', count, ...more] = text.split('=');
  if (more.length > 0) {
    throw new IsolateError('usage', `${JSON.stringify(text)} is not TEMPLATE or TEMPLATE=COUNT.`);
  }
  return { template: parseDataset(template), ...(count === undefined ? {} : { count: parseInteger('COUNT', count, 1, maximumCount) }) };
}
