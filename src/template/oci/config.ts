import type { TemplateDefaults } from '../../spec/template-record.ts';
import { type Digest, parseDigest } from './digest.ts';
import { bad, type Fields, fieldsOf, lineOf, listOf, parseJson, textOf, textsOf } from './json.ts';
import { mostLayers } from './manifest.ts';
import { isSamePlatform, type Platform, printPlatform } from './platform.ts';

/** What an image says about its root and about runs in it (image-spec, config.md). */
export interface ImageConfig {
  readonly defaults: TemplateDefaults;
  /** The uncompressed layers, the lowest first. */
  readonly diffIds: readonly Digest[];
  /** The keys that say something, and of which isolate makes no use. */
  readonly unused: readonly string[];
}

const unusedKeys = ['StopSignal', 'ExposedPorts', 'Volumes', 'Healthcheck', 'OnBuild', 'Shell'] as const;
const mostWords = 10_000;

/** `what` is the file in errors. Throws `bad-source`, also for an image of another platform. */
export function parseImageConfig(bytes: Uint8Array, what: string, platform: Platform): ImageConfig {
  const { architecture, os, rootfs, config } = fieldsOf(parseJson(bytes, what), what);
  const own = { os: lineOf(os, `"os" in ${what}`) ?? '', architecture: lineOf(architecture, `"architecture" in ${what}`) ?? '' };
  if (!isSamePlatform(own, platform)) throw bad(`The image is for ${printPlatform(own)}, and this host is ${printPlatform(platform)}.`);
  const { type, diff_ids: diffIds } = fieldsOf(rootfs, `"rootfs" in ${what}`);
  if (type !== 'layers') throw bad(`"rootfs" in ${what} has no layers.`);
  const settings = config === undefined || config === null ? {} : fieldsOf(config, `"config" in ${what}`);
  return {
    defaults: parseDefaults(settings, what),
    diffIds: listOf(diffIds, `"diff_ids" in ${what}`, mostLayers).map((each, index) => parseDigest(each, `Layer ${index + 1} in ${what}`)),
    unused: unusedKeys.filter((key) => Object.hasOwn(settings, key) && !isEmpty(settings[key])),
  };
}

function parseDefaults(settings: Fields, what: string): TemplateDefaults {
  const entrypoint = textsOf(settings['Entrypoint'], `"Entrypoint" in ${what}`, mostWords);
  const command = textsOf(settings['Cmd'], `"Cmd" in ${what}`, mostWords);
  const environment = textsOf(settings['Env'], `"Env" in ${what}`, mostWords)
    .map(splitVariable)
    .filter((pair) => pair !== null);
  const directory = textOf(settings['WorkingDir'], `"WorkingDir" in ${what}`) ?? '';
  const user = textOf(settings['User'], `"User" in ${what}`) ?? '';
  return {
    ...(entrypoint.length === 0 ? {} : { entrypoint }),
    ...(command.length === 0 ? {} : { command }),
    ...(environment.length === 0 ? {} : { environment: Object.fromEntries(environment) }),
    ...(directory === '' ? {} : { workingDirectory: directory.startsWith('/') ? directory : `/${directory}` }),
    ...(user === '' ? {} : { user }),
  };
}

/** null: a name without a value, which sets nothing. */
function splitVariable(variable: string): readonly [string, string] | null {
  const at = variable.indexOf('=');
  return at < 1 ? null : [variable.slice(0, at), variable.slice(at + 1)];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
}
