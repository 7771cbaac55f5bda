import { IsolateError } from '../error.ts';
import type { ParsedArguments } from './parsed-arguments.ts';

/** `isolate enter NAME COMMAND` as a run; other command lines stay as they are. Throws `usage`. */
export function asRun(parsed: ParsedArguments): ParsedArguments {
  const {
    verb,
    words: [name, ...words],
    values,
    ...rest
  } = parsed;
  if (verb !== 'enter') return parsed;
  if (name === undefined) throw new IsolateError('usage', 'No session was given.', { hint: 'isolate enter NAME [COMMAND]' });
  return { ...rest, verb: 'run', words, values: new Map([...values, ['session', name]]) };
}
