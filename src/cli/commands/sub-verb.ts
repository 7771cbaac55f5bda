import { IsolateError } from '../../error.ts';
import { nearest } from '../../spec/nearest.ts';
import { subVerbs } from '../verbs.ts';

/** The error for a verb that needs another verb after it and has none. */
export function refuseSubVerb(first: keyof typeof subVerbs, [word]: readonly string[]): IsolateError {
  const names = subVerbs[first];
  const list = names.join(', ');
  if (word === undefined) return new IsolateError('usage', `isolate ${first} needs a verb.`, { hint: `its verbs are ${list}` });
  const near = nearest(word, names);
  return new IsolateError('usage', `isolate ${first} has no verb ${JSON.stringify(word)}.`, {
    hint: near === null ? `its verbs are ${list}` : `did you mean ${near}?`,
  });
}
