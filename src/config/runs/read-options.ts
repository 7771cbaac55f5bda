import { engines, findEngine } from '../../engine/registry.ts';
import { IsolateError } from '../../error.ts';
import type { Draft, RunOption } from '../../spec/options/option.ts';
import { runOptions } from '../../spec/options/table.ts';
import { type OptionValue, requestOf } from '../../spec/options/values.ts';
import { plainSpec } from '../../spec/resolve-spec.ts';
import { showValue } from '../show-value.ts';
import { anchorValue } from './anchor.ts';
import { Mistake } from './mistake.ts';
import type { Anchor } from './run-settings.ts';

/** The options that may stand in a preset, by their names. */
export const presetOptions: ReadonlyMap<string, RunOption> = new Map(runOptions.map((option) => [option.long, option]));

/**
 * The value of an option in a preset, from a boolean, a string or number, or a list of strings. Paths begin at `anchor`. Throws `Mistake`
 * for what a run would refuse in this option alone; whether files are there, a run finds out.
 */
export function readOption(option: RunOption, path: readonly string[], value: unknown, anchor: Anchor): OptionValue {
  const { value: name, repeatable, completes = 'none' } = option;
  const text = (item: string, index?: number): string => {
    const anchored = anchorValue(completes, item, anchor);
    if (completes !== 'template' || !templateName.test(item)) check(option, repeatable === true ? [anchored] : anchored, path, index);
    return anchored;
  };
  if (name === undefined) {
    if (typeof value === 'boolean') return value;
    throw new Mistake({ path, reason: `must be true or false, not ${showValue(value)}` });
  }
  if (repeatable !== true) {
    if (typeof value === 'string' || typeof value === 'number') return text(String(value));
    throw new Mistake({ path, reason: `must be a string or a number for ${name}, not ${showValue(value)}` });
  }
  if (!Array.isArray(value)) throw new Mistake({ path, reason: `must be a list, not ${showValue(value)}` });
  return value.map((item: unknown, index) => {
    if (typeof item === 'string') return text(item, index);
    throw new Mistake({ path, index, reason: `must be a list of strings, not of ${showValue(item)}` });
  });
}

/** A name is only known to be that of a template when it is looked up. */
const templateName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function check(option: RunOption, value: OptionValue, path: readonly string[], index?: number): void {
  const draft: Draft = { ...plainSpec, engine: engines[0].name, root: null, variables: {} };
  try {
    option.settle(draft, requestOf(new Map([[option.long, value]]), []), { environment: {}, cwd: '/', readFile: () => '' });
    if (option.completes === 'engine') findEngine(String(value));
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    throw new Mistake({ path, ...(index === undefined ? {} : { index }), reason: error.message.replace(/\.$/, '') });
  }
}
