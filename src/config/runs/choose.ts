import { IsolateError } from '../../error.ts';
import { nearest } from '../../spec/nearest.ts';
import { mergeOptions, namesRoot, type OptionValues } from '../../spec/options/values.ts';
import type { Layer, Preset } from './run-settings.ts';

/** A run as a command line asks for it. */
export interface Asked {
  /** The name behind `@`; null: none was given. */
  readonly preset: string | null;
  readonly options: OptionValues;
  readonly command: readonly string[];
}

/** The settings that a run has, the most important first. */
export interface RunLayers {
  readonly layers: readonly Layer[];
  /** The file of a project that its user has not approved, and whose contents are unknown for that reason; null: there is none. */
  readonly unapproved: string | null;
}

/** The options and the command that a run has in the end. */
export type Chosen = Omit<Asked, 'preset'>;

/**
 * What was asked, over the preset, over the defaults. Lists of options add up, other options are replaced, and a root is replaced as a
 * whole. Throws `usage` for an unknown preset and `bad-config` for presets that use each other or an unknown one.
 */
export function chooseRun({ preset, options, command }: Asked, { layers, unapproved }: RunLayers): Chosen {
  const named = preset === null ? null : expand(findPreset(preset, layers, unapproved), layers);
  const wanted = named === null ? options : mergeOptions(named.options, options);
  const template = layers.find((layer) => layer.template !== undefined)?.template;
  const engine = layers.find((layer) => layer.engine !== undefined)?.engine;
  if (unapproved !== null && template === undefined && !namesRoot(wanted)) throw notApproved('Nothing says what to run on', unapproved);
  const defaults = new Map([
    ...(template === undefined || namesRoot(wanted) ? [] : [['clone', template] as const]),
    ...(engine === undefined ? [] : [['engine', engine] as const]),
  ]);
  return { options: mergeOptions(defaults, wanted), command: command.length > 0 ? command : (named?.command ?? []) };
}

/** The words that the first word of a command line stands for; null: it is no alias. */
export function findAlias(word: string, { layers }: RunLayers): readonly string[] | null {
  return layers.find(({ aliases }) => aliases.has(word))?.aliases.get(word) ?? null;
}

interface Found {
  readonly name: string;
  readonly preset: Preset;
  readonly layer: Layer;
}

function findPreset(name: string, layers: readonly Layer[], unapproved: string | null): Found {
  const found = lookUp(name, layers);
  if (found !== null) return found;
  if (unapproved !== null) throw notApproved(`There is no preset ${name}`, unapproved);
  const names = layers.flatMap(({ presets }) => [...presets.keys()]);
  const near = nearest(name, names);
  const hint = near === null ? 'isolate config show lists the presets, docs/settings.md describes them' : `did you mean @${near}?`;
  throw new IsolateError('usage', `There is no preset ${name}.`, { hint });
}

function lookUp(name: string, layers: readonly Layer[]): Found | null {
  for (const layer of layers) {
    const preset = layer.presets.get(name);
    if (preset !== undefined) return { name, preset, layer };
  }
  return null;
}

/** The preset with those that it uses below its own options. Each counts once, where it is used first. */
function expand(first: Found, layers: readonly Layer[]): Chosen {
  const state = new Map<Preset, 'begun' | 'done'>();
  let options: OptionValues = new Map();
  let command: readonly string[] = [];
  const visit = ({ name, preset, layer }: Found): void => {
    state.set(preset, 'begun');
    for (const used of preset.use) {
      const found = lookUp(used, [layer, ...layers]);
      if (found === null) throw badUse(layer, name, `there is no preset ${JSON.stringify(used)}`);
      const before = state.get(found.preset);
      if (before === 'begun') throw badUse(layer, name, `${JSON.stringify(used)} uses this preset itself`);
      if (before === undefined) visit(found);
    }
    state.set(preset, 'done');
    options = mergeOptions(options, preset.options);
    if (preset.command.length > 0) ({ command } = preset);
  };
  visit(first);
  return { options, command };
}

function badUse({ origin }: Layer, name: string, reason: string): IsolateError {
  return new IsolateError('bad-config', `${origin} is not valid: presets.${name}.use: ${reason}.`, {
    hint: 'docs/settings.md describes all keys',
  });
}

function notApproved(lack: string, file: string): IsolateError {
  return new IsolateError('usage', `${lack}, and ${file} is not used, because you have not approved it.`, {
    hint: 'isolate config approve',
  });
}
