import type { VerbsOf } from '../verbs.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import type { SettingsSource } from '../settings-source.ts';
import { refuseSubVerb } from './sub-verb.ts';

/** `isolate config VERB`. Loads only the code of this verb. */
export async function configVerb(verb: VerbsOf<'config'>, parsed: ParsedArguments, settings: SettingsSource): Promise<number> {
  switch (verb) {
    case 'config':
      throw refuseSubVerb('config', parsed.words);
    case 'config check':
      return await (await import('./config/check.ts')).checkConfigVerb(parsed);
    case 'config show':
      return await (await import('./config/show.ts')).showConfigVerb(parsed, settings);
    case 'config edit':
      return await (await import('./config/edit.ts')).editConfigVerb(parsed);
    case 'config approve':
      return await (await import('./config/approve.ts')).approveConfigVerb(parsed);
  }
}
