import { chooseRun, findAlias, type RunLayers } from '../config/runs/choose.ts';
import { IsolateError } from '../error.ts';
import { namesRoot, type OptionValue, requestOf } from '../spec/options/values.ts';
import type { RunRequest } from '../spec/request.ts';
import { isVerb } from './parse-arguments.ts';
import type { ParsedArguments } from './parsed-arguments.ts';
import { checkMisspelledVerb, optionValues } from './run-request.ts';
import type { AllSettings, SettingsSource } from './settings-source.ts';

/** A run with all that its settings say. */
export interface SettledRun {
  readonly request: RunRequest;
  /** What the caller should know about the settings. */
  readonly notices: readonly string[];
}

/** Finds the template that `clone` of a request names; the request has its root instead. */
export type FindTemplate = (request: RunRequest, settings: AllSettings) => Promise<RunRequest>;

/** A command line with its first word replaced by the words that it stands for. Settings are read only for what can be an alias. */
export async function expandAlias(argv: readonly string[], settings: SettingsSource): Promise<readonly string[]> {
  const [first, ...rest] = argv;
  if (first === undefined || isVerb(first) || !/^[A-Za-z0-9]/.test(first)) return argv;
  const words = findAlias(first, await settings());
  return words === null ? argv : [...words, ...rest];
}

/**
 * The request of a run. Without a preset, options that name a dataset or directory to run on leave nothing to settings, which are not
 * read then. Throws what is wrong with the command line (`usage`) or the settings (`bad-config`), `bad-name`, `template-missing`.
 */
export async function settleRun(parsed: ParsedArguments, settings: SettingsSource, find: FindTemplate): Promise<SettledRun> {
  const options = optionValues(parsed);
  const command = parsed.words;
  if (parsed.preset === undefined && (options.has('zfs') || options.has('template'))) {
    return { request: requestOf(options, command), notices: [] };
  }
  const all = await settings();
  const chosen = chooseRun({ preset: parsed.preset ?? null, options, command }, all);
  if (parsed.preset === undefined && !namesRoot(options)) checkMisspelledVerb(parsed, namesRoot(chosen.options));
  const request = await find(requestOf(chosen.options, chosen.command), all).catch((error: unknown) => {
    throw options.has('clone') ? error : nameSettings(error, chosen.options.get('clone'), all);
  });
  return { request, notices: noticesOf(all) };
}

/** The error for a template that is gone, with the file that says to run on it. */
function nameSettings(error: unknown, template: OptionValue | undefined, { layers }: RunLayers): unknown {
  const layer = layers.find((one) => one.template !== undefined && one.template === template);
  if (!(error instanceof IsolateError) || error.code !== 'template-missing' || layer === undefined) return error;
  return new IsolateError(error.code, error.message, {
    hint: `${layer.origin} makes it the default; isolate template default TEMPLATE names another`,
  });
}

function noticesOf({ unapproved }: RunLayers): readonly string[] {
  return unapproved === null ? [] : [`${unapproved} is not used, because you have not approved it (isolate config approve).`];
}
