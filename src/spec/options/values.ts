import type { RunRequest } from '../request.ts';
import { rootChoices, rootModifiers } from './root.ts';
import { runOptions } from './table.ts';

/** What is asked of one option: whether it is given, its value as text, or all its values. */
export type OptionValue = boolean | string | readonly string[];

/** Options of a run by their long names. */
export type OptionValues = ReadonlyMap<string, OptionValue>;

/**
 * `over` laid over `under`: lists add up, those of `under` first; anything else is replaced. A root in `over` replaces all that `under`
 * says about its own.
 */
export function mergeOptions(under: OptionValues, over: OptionValues): OptionValues {
  const merged = new Map(under);
  if (namesRoot(over)) for (const name of [...rootChoices, ...rootModifiers]) merged.delete(name);
  for (const [name, value] of over) {
    const before = merged.get(name);
    merged.set(name, isList(value) && before !== undefined && isList(before) ? [...before, ...value] : value);
  }
  return merged;
}

/** Whether the options say what to run on. */
export function namesRoot(values: OptionValues): boolean {
  return rootChoices.some((name) => values.has(name));
}

/** The request that these options make. Checks nothing; `resolveSpec` does that. */
export function requestOf(values: OptionValues, command: readonly string[]): RunRequest {
  const asked = new Map<string, unknown>();
  for (const { long, key, says = true } of runOptions) {
    const given = values.get(long);
    if (given === undefined) continue;
    if (typeof says !== 'string') asked.set(key, typeof given === 'boolean' ? given === says : given);
    else if (given === true) asked.set(key, [...((asked.get(key) ?? []) as string[]), says]);
  }
  return { ...(Object.fromEntries(asked) as Partial<RunRequest>), command };
}

function isList(value: OptionValue): value is readonly string[] {
  return typeof value === 'object';
}
