import { nearest } from '../../spec/nearest.ts';
import type { OptionValue } from '../../spec/options/values.ts';
import type { SettingFault } from '../settings.ts';
import { isTable, showValue } from '../show-value.ts';
import { Mistake } from './mistake.ts';
import { presetOptions, readOption } from './read-options.ts';
import type { Anchor, Preset, RunSettings } from './run-settings.ts';

export interface RunTableRules {
  readonly anchor: Anchor;
  /** Words that no alias may be: the verbs. */
  readonly verbs: readonly string[];
}

type Table = Readonly<Record<string, unknown>>;

/** Checks the contents of a file of a user or project, and returns its settings or its first mistake. */
export function readRunTable(table: Table, rules: RunTableRules): { readonly settings: RunSettings } | { readonly fault: SettingFault } {
  try {
    return { settings: readTable(table, rules) };
  } catch (error) {
    if (error instanceof Mistake) return { fault: error.fault };
    throw error;
  }
}

const keys = ['template', 'engine', 'presets', 'aliases'] as const;

function readTable(table: Table, { anchor, verbs }: RunTableRules): RunSettings {
  for (const key of Object.keys(table)) if (!keys.some((known) => known === key)) throw unknownKey([key], keys);
  const { template, engine, presets, aliases } = table;
  return {
    ...(template === undefined ? {} : { template: readDefault(['template'], template, 'clone', anchor) }),
    ...(engine === undefined ? {} : { engine: readDefault(['engine'], engine, 'engine', anchor) }),
    presets: readNamed('presets', presets, (path, value) => readPreset(path, value, anchor)),
    aliases: readNamed('aliases', aliases, (path, value) => readAlias(path, value, verbs)),
  };
}

/** What stands for an option where it is not given. */
function readDefault(path: readonly string[], value: unknown, option: string, anchor: Anchor): string {
  const form = presetOptions.get(option);
  if (form === undefined || typeof value !== 'string') throw new Mistake({ path, reason: `must be a string, not ${showValue(value)}` });
  return String(readOption(form, path, value, anchor));
}

/** What can be typed without quotes, and is no option. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;

function readNamed<Value>(
  key: string,
  table: unknown,
  read: (path: readonly string[], value: unknown) => Value,
): ReadonlyMap<string, Value> {
  if (table === undefined) return new Map();
  if (!isTable(table)) throw new Mistake({ path: [key], reason: `must be a table, not ${showValue(table)}` });
  return new Map(
    Object.entries(table).map(([name, value]) => {
      const path = [key, name];
      if (!namePattern.test(name))
        throw new Mistake({ path, reason: 'a name has at most 64 letters, digits and "._+-", the first a letter or digit' });
      return [name, read(path, value)];
    }),
  );
}

function readPreset(path: readonly string[], value: unknown, anchor: Anchor): Preset {
  if (!isTable(value)) throw new Mistake({ path, reason: `must be a table, not ${showValue(value)}` });
  const { use, command, ...given } = value;
  const options = new Map<string, OptionValue>();
  for (const [name, raw] of Object.entries(given)) {
    const option = presetOptions.get(name);
    if (option === undefined) throw unknownKey([...path, name], ['use', 'command', ...presetOptions.keys()]);
    options.set(name, readOption(option, [...path, name], raw, anchor));
  }
  return {
    use: use === undefined ? [] : readWords([...path, 'use'], use),
    options,
    command: command === undefined ? [] : readWords([...path, 'command'], command, 1),
  };
}

function readAlias(path: readonly string[], value: unknown, verbs: readonly string[]): readonly string[] {
  if (verbs.some((verb) => verb === path.at(-1))) throw new Mistake({ path, reason: 'a verb of isolate cannot be an alias' });
  return readWords(path, value, 1);
}

function readWords(path: readonly string[], value: unknown, least = 0): readonly string[] {
  if (!Array.isArray(value)) throw new Mistake({ path, reason: `must be a list of words, not ${showValue(value)}` });
  if (value.length < least) throw new Mistake({ path, reason: 'must have at least one word' });
  return value.map((word: unknown, index) => {
    if (typeof word === 'string' && !word.includes('\0')) return word;
    throw new Mistake({ path, index, reason: `must be a list of words, not of ${showValue(word)}` });
  });
}

function unknownKey(path: readonly string[], known: readonly string[]): Mistake {
  const near = nearest((path.at(-1) ?? '').slice(0, 64), known);
  return new Mistake({ path, reason: near === null ? 'there is no such key' : `there is no such key, did you mean ${near}?` });
}
