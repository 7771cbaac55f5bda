import { chooseRun } from '../../../config/runs/choose.ts';
import type { Layer } from '../../../config/runs/run-settings.ts';
import { toJson } from '../../../json.ts';
import type { OptionValues } from '../../../spec/options/values.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import type { AllSettings, SettingsSource } from '../../settings-source.ts';
import { formatTable } from '../../table.ts';
import { refuseWords } from '../refuse-words.ts';

/** A setting in effect, and the file that says so. */
interface Effective<Value> {
  readonly value: Value;
  readonly file: string;
}

interface PresetShown {
  readonly options: OptionValues;
  readonly command: readonly string[];
}

/** `isolate config show`: the settings of runs in this directory. */
export async function showConfigVerb(parsed: ParsedArguments, settings: SettingsSource): Promise<number> {
  refuseWords(parsed, 'isolate config show [OPTIONS]');
  const all = await settings();
  const { layers } = all;
  const template = effective(layers, (layer) => layer.template);
  const engine = effective(layers, (layer) => layer.engine);
  const presets = named(
    layers,
    (layer) => layer.presets,
    (preset) => presetOf(preset, all),
  );
  const aliases = named(
    layers,
    (layer) => layer.aliases,
    (_, words) => words,
  );
  if (parsed.flags.has('json')) {
    const shown = mapOf(presets, ({ value, file }) => ({ options: Object.fromEntries(value.options), command: value.command, file }));
    const words = mapOf(aliases, ({ value, file }) => ({ words: value, file }));
    print(`${toJson({ template, engine, presets: shown, aliases: words, notApproved: all.unapproved })}\n`);
    return 0;
  }
  const rows = [
    ...(template === null ? [] : [['template', template.value, template.file]]),
    ...(engine === null ? [] : [['engine', engine.value, engine.file]]),
    ...[...presets].map(([name, { value, file }]) => [`@${name}`, formatPreset(value), file]),
    ...[...aliases].map(([name, { value, file }]) => [name, `isolate ${formatWords(value)}`, file]),
    ...(all.unapproved === null ? [] : [['-', 'not approved, not used', all.unapproved]]),
  ];
  print(
    rows.length === 0 ? 'Nothing is set.\n' : `${formatTable([['NAME', 'VALUE', 'FILE'], ...rows], ['left', 'left', 'left']).join('\n')}\n`,
  );
  return 0;
}

function effective(layers: readonly Layer[], pick: (layer: Layer) => string | undefined): Effective<string> | null {
  for (const layer of layers) {
    const value = pick(layer);
    if (value !== undefined) return { value, file: layer.origin };
  }
  return null;
}

/** The first file that has a name decides what it means. */
function named<Value, Shown>(
  layers: readonly Layer[],
  pick: (layer: Layer) => ReadonlyMap<string, Value>,
  show: (name: string, value: Value) => Shown,
): ReadonlyMap<string, Effective<Shown>> {
  const found = new Map<string, Effective<Shown>>();
  for (const layer of layers) {
    for (const [name, value] of pick(layer)) if (!found.has(name)) found.set(name, { value: show(name, value), file: layer.origin });
  }
  return found;
}

function mapOf<Value>(map: ReadonlyMap<string, Value>, show: (value: Value) => unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...map].map(([name, value]) => [name, show(value)]));
}

/** With what it uses, but without the defaults. */
function presetOf(preset: string, { layers }: AllSettings): PresetShown {
  const bare = layers.map(({ origin, presets, aliases }) => ({ origin, presets, aliases }));
  return chooseRun({ preset, options: new Map(), command: [] }, { layers: bare, unapproved: null });
}

function formatPreset({ options, command }: PresetShown): string {
  const words = [...options].flatMap(([name, value]) => {
    if (typeof value === 'boolean') return value ? [`--${name}`] : [];
    return (typeof value === 'string' ? [value] : value).map((item) => `--${name}=${item}`);
  });
  return formatWords([...words, ...(command.length === 0 ? [] : ['--', ...command])]);
}

/** As they would be typed. */
function formatWords(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}
