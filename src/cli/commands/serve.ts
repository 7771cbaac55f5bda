import type { CommandLine } from '../../daemon/command-line.ts';
import { serve } from '../../daemon/serve.ts';
import { IsolateError } from '../../error.ts';
import { clientExec } from '../client-exec.ts';
import { clientView } from '../client-view.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { workingDirectory } from '../../run/working-directory.ts';
import { parseHostPath } from '../../spec/parse-path.ts';
import { isVerb, parseOwn } from '../parse-arguments.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { parsedRun } from '../parsed-run.ts';
import { renderError } from '../render-error.ts';
import { checkRefreshForm, toRunRequest } from '../run-request.ts';
import { settleClientRun } from '../settle-client-run.ts';
import { refuseWords } from './refuse-words.ts';

/** `isolate serve`: the daemon, until it is told to stop. */
export async function serveVerb(parsed: ParsedArguments): Promise<number> {
  const { values } = parsed;
  refuseWords(parsed, 'isolate serve [OPTIONS]');
  const front = values.get('front');
  await serve({
    commandLine,
    ...(front === undefined ? {} : { front: parseHostPath('usage', 'The socket of the front', front, workingDirectory()) }),
  });
  return 0;
}

/** How the daemon reads and answers the command lines of clients. */
export const commandLine: CommandLine = {
  parse: (argv) => {
    try {
      const [first = ''] = argv;
      if (isVerb(first) && first !== 'run') return null;
      const parsed = parseOwn(argv);
      // Not without settings.
      if (parsed.values.has('refresh') || parsed.values.has('clone') || parsed.preset !== undefined) return null;
      checkRefreshForm(parsed);
      if (!parsed.values.has('zfs') && !parsed.values.has('template')) return null;
      return parsedRun(parsed, toRunRequest(parsed));
    } catch (error) {
      if (error instanceof IsolateError) return null;
      throw error;
    }
  },
  settle: async (argv, client) => {
    try {
      return await settleClientRun(argv, client);
    } catch (error) {
      if (error instanceof IsolateError && error.code !== 'aborted') return null;
      throw error;
    }
  },
  view: clientView,
  exec: clientExec,
  renderError: (error) => renderError(error, false),
  errorStatus: exitCodeOfError('run', 'internal'),
};
