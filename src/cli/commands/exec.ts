import { isatty } from 'node:tty';

import { ownClient } from '../../process/own-client.ts';
import { callerEnvironment } from '../../process/caller-environment.ts';
import { execInRun } from '../../run/exec-in-run.ts';
import { parseVariables } from '../../spec/parse-environment.ts';
import { findRunToJoin } from '../../status/find-run.ts';
import type { RunStatus } from '../../status/status.ts';
import { holderOf } from '../../status/run-holder.ts';
import { withAbortOnSignals } from '../abort-on-signals.ts';
import { exitCodeOf } from '../exit-code.ts';
import { write } from '../output.ts';
import { parseExec } from '../parse-exec.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { openReporter } from '../reporter.ts';
import { runClient } from '../run-client.ts';

/** `isolate exec RUN COMMAND`: runs one more command in a run and returns its exit status. */
export async function execVerb(parsed: ParsedArguments): Promise<number> {
  return await execIn(parsed, findRunToJoin, () => true);
}

/** The same in this run; only final errors are reported. */
export async function execInto(run: RunStatus, parsed: ParsedArguments, isFinal: (error: unknown) => boolean): Promise<number> {
  return await execIn(parsed, async () => run, isFinal);
}

async function execIn(
  parsed: ParsedArguments,
  find: (word: string) => Promise<RunStatus>,
  isFinal: (error: unknown) => boolean,
): Promise<number> {
  const { flags } = parsed;
  const { run: word, command, variables } = parseExec(parsed);
  const environment = parseVariables(variables, callerEnvironment());
  const { voice, tell, fail } = openReporter(parsed, { command });
  const client = ownClient();
  try {
    const run = await find(word);
    const { pid, startTime } = holderOf(run, 'exec');
    const joined = { engine: run.engine, run: run.runId, holder: { pid, startTime } };
    const outcome = await withAbortOnSignals(flags.has('ignore-sigint'), (signal, stop) =>
      execInRun(
        client === null ? null : runClient(client, voice),
        joined,
        { command, environment },
        {
          signal,
          forwardSignals: true,
          onEvent: (event) => {
            if (event.kind === 'launching') stop();
            else if (event.kind === 'started') tell('status', event);
            else write(2, voice.render(event, isatty(2)));
          },
        },
      ),
    );
    tell('status', outcome);
    tell('error', outcome);
    return exitCodeOf(outcome);
  } catch (error) {
    if (isFinal(error)) fail(error);
    throw error;
  }
}
