import { IsolateError } from '../error.ts';
import { nearest } from '../spec/nearest.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';
import type { Verb } from './verbs.ts';

/** The option of `verb` that is written `-x` or `--name`. Throws `usage` if there is none. */
export function findOption(name: string, verb: Verb): Option {
  const named = options.filter(({ long, short }) => name === `--${long}` || name === `-${short}`);
  const option = named.find(({ verbs }) => verbs.includes(verb)) ?? named[0];
  if (option === undefined) throw unknownOption(name, verb);
  if (option.verbs.includes(verb)) return option;
  throw new IsolateError('usage', `isolate ${verb} has no option ${name}.`, {
    hint: `${name} is an option of ${nameVerbs(option.verbs)}`,
  });
}

/** Several verbs of two words are named by the first. */
function nameVerbs(verbs: readonly Verb[]): string {
  const names = verbs.length > 6 ? new Set(verbs.map((verb) => verb.split(' ', 1)[0])) : verbs;
  return [...names].map((verb) => `isolate ${verb}`).join(', ');
}

function unknownOption(name: string, verb: Verb): IsolateError {
  const known = options.filter((option) => option.verbs.includes(verb)).map(({ long }) => `--${long}`);
  const near = name.startsWith('--') ? nearest(name, known) : null;
  return new IsolateError('usage', `There is no option ${name}.`, {
    hint: near === null ? 'isolate --help lists the options' : `did you mean ${near}?`,
  });
}
