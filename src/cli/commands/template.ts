import { IsolateError } from '../../error.ts';
import { nearest } from '../../spec/nearest.ts';
import { subVerbs, type VerbsOf } from '../options.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';

/** `isolate template VERB`. Loads only the code of this verb. */
export async function templateVerb(verb: VerbsOf<'template'>, parsed: ParsedArguments): Promise<number> {
  switch (verb) {
    case 'template':
      throw refuseVerb(parsed.words);
    case 'template create':
      return await (await import('./template/create.ts')).createTemplateVerb(parsed);
    case 'template list':
      return await (await import('./template/list.ts')).listTemplatesVerb(parsed);
    case 'template show':
      return await (await import('./template/show.ts')).showTemplateVerb(parsed);
    case 'template snapshot':
      return await (await import('./template/snapshot.ts')).snapshotVerb(parsed);
    case 'template rollback':
      return await (await import('./template/rollback.ts')).rollbackVerb(parsed);
    case 'template rename':
      return await (await import('./template/rename.ts')).renameVerb(parsed);
    case 'template remove':
      return await (await import('./template/remove.ts')).removeVerb(parsed);
  }
}

function refuseVerb([word]: readonly string[]): IsolateError {
  const names = subVerbs.template;
  if (word === undefined) return new IsolateError('usage', 'No verb was given.', { hint: `the verbs are ${names.join(', ')}` });
  const near = nearest(word, names);
  return new IsolateError('usage', `isolate template has no verb ${JSON.stringify(word)}.`, {
    hint: near === null ? `its verbs are ${names.join(', ')}` : `did you mean ${near}?`,
  });
}
