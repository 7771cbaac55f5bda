import type { CommandLine } from '../../daemon/command-line.ts';
import { serve } from '../../daemon/serve.ts';
import { IsolateError } from '../../error.ts';
import { clientView } from '../client-view.ts';
import { exitCodeOfError } from '../exit-code.ts';
import { workingDirectory } from '../../run/working-directory.ts';
import { parseHostPath } from '../../spec/parse-path.ts';
import { options } from '../options.ts';
import { isVerb, parseOwn } from '../parse-arguments.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { renderError } from '../render-error.ts';
import { checkRefreshForm, toRunRequest } from '../run-request.ts';
import { runVoice } from '../run-voice.ts';
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
      // What settings say, the program in Node reads.
      if (parsed.values.has('refresh') || parsed.values.has('clone') || parsed.preset !== undefined) return null;
      checkRefreshForm(parsed);
      if (!parsed.values.has('zfs') && !parsed.values.has('template')) return null;
      const given = new Set([...parsed.flags, ...parsed.values.keys(), ...parsed.lists.keys()]);
      const carriedByLauncher = options.every(({ long, carriedBy }) => carriedBy === 'launcher' || !given.has(long));
      const request = toRunRequest(parsed);
      return { request, carriedByLauncher, voice: runVoice(parsed, request, 'daemon') };
    } catch (error) {
      if (error instanceof IsolateError) return null;
      throw error;
    }
  },
  view: clientView,
  renderError: (error) => renderError(error, false),
  errorStatus: exitCodeOfError('run', 'internal'),
};
