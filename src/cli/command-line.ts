import { IsolateError } from '../error.ts';
import type { Caller } from './caller.ts';
import { exitCodeOfError } from './exit-code.ts';
import { isVerbOf, type Verb } from './options.ts';
import { print, write } from './output.ts';
import { parseArguments, splitVerb } from './parse-arguments.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { renderError, renderErrorJson, toIsolateError } from './render-error.ts';
import { ownSettings, type SettingsSource } from './settings-source.ts';
import { expandAlias } from './settle-run.ts';

/** Runs a command line and returns its exit status when everything is written; never throws. */
export async function runCommandLine({ words, notText }: Caller): Promise<number> {
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
    return await dispatch(verb, parsed, settings);
  } catch (error) {
    write(2, show(error));
    return exitCodeOfError(verb, toIsolateError(error).code);
  }
}

/** Throws `usage` for words whose bytes would change on their way to the command. */
function checkText(notText: number): void {
  if (notText < 0) return;
  throw new IsolateError('usage', `Argument ${notText + 1} is not valid UTF-8, so isolate cannot pass it on unchanged.`);
}

/** Loads only the code of this verb. */
async function dispatch(verb: Verb, parsed: ParsedArguments, settings: SettingsSource): Promise<number> {
  if (parsed.flags.has('help')) {
    return (await import('./commands/help.ts')).helpVerb(parsed);
  }
  if (parsed.flags.has('version')) {
    print(`isolate ${(await import('./version.ts')).version}\n`);
    return 0;
  }
  if (parsed.flags.has('trace')) {
    await (await import('../log.ts')).startCommandLog({ json: parsed.flags.has('json') });
  }
  if (parsed.verb === 'run') {
    (await import('./run-request.ts')).checkRefreshForm(parsed);
  }
  if (parsed.values.has('install-wrapper')) {
    write(2, 'isolate: Nothing needs to be installed in a template: isolate passes the system-call filter to the engine.\n');
    return 0;
  }
  if (isVerbOf('template', verb)) return await (await import('./commands/template.ts')).templateVerb(verb, parsed);
  if (isVerbOf('config', verb)) return await (await import('./commands/config.ts')).configVerb(verb, parsed, settings);
  switch (verb) {
    case 'run':
      return await (await import('./commands/run.ts')).runVerb(parsed, settings);
    case 'refresh':
      return await (await import('./commands/refresh.ts')).refreshVerb(parsed);
    case 'watch':
      return await (await import('./commands/watch.ts')).watchVerb(parsed);
    case 'status':
      return await (await import('./commands/status.ts')).statusVerb(parsed);
    case 'ps':
      return await (await import('./commands/ps.ts')).psVerb(parsed);
    case 'list':
      return await (await import('./commands/list.ts')).listVerb(parsed);
    case 'kill':
      return await (await import('./commands/kill.ts')).killVerb(parsed);
    case 'serve':
      return await (await import('./commands/serve.ts')).serveVerb(parsed);
    case 'doctor':
      return await (await import('./commands/doctor.ts')).doctorVerb(parsed, settings);
    case 'completion':
      return (await import('./commands/completion.ts')).completionVerb(parsed);
    case 'help':
      return (await import('./commands/help.ts')).helpVerb(parsed);
  }
}
