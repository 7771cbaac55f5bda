import type { VerbsOf } from '../verbs.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';
import { refuseSubVerb } from './sub-verb.ts';

/** `isolate template VERB`. Loads only the code of this verb. */
export async function templateVerb(verb: VerbsOf<'template'>, parsed: ParsedArguments): Promise<number> {
  switch (verb) {
    case 'template':
      throw refuseSubVerb('template', parsed.words);
    case 'template create':
      return await (await import('./template/create.ts')).createTemplateVerb(parsed);
    case 'template list':
      return await (await import('./template/list.ts')).listTemplatesVerb(parsed);
    case 'template show':
      return await (await import('./template/show.ts')).showTemplateVerb(parsed);
    case 'template shell':
      return await (await import('./template/shell.ts')).shellVerb(parsed);
    case 'template exec':
      return await (await import('./template/shell.ts')).execVerb(parsed);
    case 'template update':
      return await (await import('./template/update.ts')).updateVerb(parsed);
    case 'template snapshot':
      return await (await import('./template/snapshot.ts')).snapshotVerb(parsed);
    case 'template rollback':
      return await (await import('./template/rollback.ts')).rollbackVerb(parsed);
    case 'template rename':
      return await (await import('./template/rename.ts')).renameVerb(parsed);
    case 'template remove':
      return await (await import('./template/remove.ts')).removeVerb(parsed);
    case 'template push':
      return await (await import('./template/push.ts')).pushVerb(parsed);
    case 'template pull':
      return await (await import('./template/pull.ts')).pullVerb(parsed);
    case 'template send':
      return await (await import('./template/send.ts')).sendVerb(parsed);
    case 'template receive':
      return await (await import('./template/receive.ts')).receiveVerb(parsed);
    case 'template default':
      return await (await import('./template/default.ts')).defaultVerb(parsed);
  }
}
