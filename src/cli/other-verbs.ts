import type { Caller } from './caller.ts';
import { isVerbOf, type Verb } from './verbs.ts';
import { print, write } from './output.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import type { SettingsSource } from './settings-source.ts';

/** A command line that is not about a run, or asks for help. */
interface OtherVerb {
  readonly verb: Verb;
  readonly parsed: ParsedArguments;
  readonly settings: SettingsSource;
  /** For the program for runs, which hands it to the whole program (rolldown.config.ts). */
  readonly caller: Caller;
}

/** Carries it out and returns the exit status. Loads only the code of this verb. */
export async function otherVerb({ verb, parsed, settings }: OtherVerb): Promise<number> {
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
    case 'sessions':
      return await (await import('./commands/sessions.ts')).sessionsVerb(parsed);
    case 'diff':
      return await (await import('./commands/diff.ts')).diffVerb(parsed);
    case 'cp':
      return await (await import('./commands/cp.ts')).cpVerb(parsed);
    case 'rm':
      return await (await import('./commands/sessions.ts')).rmVerb(parsed);
    case 'rename':
      return await (await import('./commands/sessions.ts')).renameVerb(parsed);
    case 'serve':
      return await (await import('./commands/serve.ts')).serveVerb(parsed);
    case 'doctor':
      return await (await import('./commands/doctor.ts')).doctorVerb(parsed, settings);
    case 'completion':
      return (await import('./commands/completion.ts')).completionVerb(parsed);
    case 'run':
    case 'enter': {
      // Of runs only those that tell of changes come here.
      const [{ runVerb }, { asRun }, { tellChanges }] = await Promise.all([
        import('./commands/run.ts'),
        import('./entering.ts'),
        import('./tell-changes.ts'),
      ]);
      return await runVerb(asRun(parsed), settings, { tell: tellChanges });
    }
    case 'help':
    case 'exec':
      return (await import('./commands/help.ts')).helpVerb(parsed);
  }
}
