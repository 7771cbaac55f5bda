import { IsolateError } from '../error.ts';
import { signalNumber } from '../launch/signals.ts';
import type { Caller } from './caller.ts';
import type { Tries } from './commands/run.ts';
import { asRun } from './entering.ts';
import { exitCodeOfError } from './exit-code.ts';
import type { Verb } from './verbs.ts';
import { write } from './output.ts';
import { parseArguments, splitVerb } from './parse-arguments.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { renderError, renderErrorJson, toIsolateError } from './render-error.ts';
import { ownSettings } from './settings-source.ts';
import { expandAlias } from './settle-run.ts';
import { StoppedError } from './stop-signals.ts';

/** Runs a command line and returns its exit status when everything is written; never throws. */
export async function runCommandLine(caller: Caller): Promise<number> {
  const { words, notText } = caller;
  const settings = ownSettings();
  let argv = words;
  // As far as it is known, for errors in command lines that cannot be parsed.
  let { verb }: { verb: Verb } = splitVerb(argv);
  let show = (error: unknown): string => (argv.includes('--json') ? renderErrorJson(error) : renderError(error, false));
  try {
    checkText(notText);
    argv = await expandAlias(words, settings);
    const parsed = await parseArguments(argv);
    verb = parsed.values.has('refresh') ? 'refresh' : parsed.verb;
    show = (error) => (parsed.flags.has('json') ? renderErrorJson(error) : renderError(error, parsed.flags.has('trace')));
    const otherwise = async (): Promise<number> => await (await import('./other-verbs.ts')).otherVerb({ verb, parsed, settings, caller });
    if (isOther(verb, parsed)) return await otherwise();
    if (parsed.flags.has('trace')) await (await import('../log.ts')).startCommandLog({ json: parsed.flags.has('json') });
    if (verb === 'exec') return await (await import('./commands/exec.ts')).execVerb(parsed);
    (await import('./run-request.ts')).checkRefreshForm(parsed);
    const { runVerb } = await import('./commands/run.ts');
    const run = (tries?: Tries): Promise<number> => runVerb(asRun(parsed), settings, { leave: otherwise }, tries);
    return parsed.flags.has('shared') ? await (await import('./commands/enter-shared.ts')).enterShared(parsed, run) : await run();
  } catch (error) {
    write(2, show(error));
    return error instanceof StoppedError ? 128 + signalNumber(error.signal) : exitCodeOfError(verb, toIsolateError(error).code);
  }
}

/** Throws `usage` for words whose bytes would change on their way to the command. */
function checkText(notText: number): void {
  if (notText < 0) return;
  throw new IsolateError('usage', `Argument ${notText + 1} is not valid UTF-8, so isolate cannot pass it on unchanged.`);
}

/** Whether it is not about a run. */
function isOther(verb: Verb, { flags, values }: ParsedArguments): boolean {
  return !['run', 'enter', 'exec'].includes(verb) || flags.has('help') || flags.has('version') || values.has('install-wrapper');
}
