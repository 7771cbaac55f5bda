import type { Config } from './config.ts';
import { completeSettings, findIdFault, mergeSettings } from './merge.ts';
import { settingMistake, tomlMistake } from './mistake.ts';
import { type ConfigFile, type ConfigPlaces, readConfigFiles } from './read-files.ts';
import { readSettings } from './schema.ts';
import type { Settings } from './settings.ts';
import { parseToml } from './toml.ts';

/** Describes all keys. */
const page = 'docs/daemon.md';

/**
 * Reads /etc/isolate/config.toml and then the files of /etc/isolate/config.d; without any file the defaults apply. Throws `bad-config`
 * with file, line and key, or with the file if it cannot be read or others may write it.
 */
export async function loadConfig(places: ConfigPlaces = {}): Promise<Config> {
  return await parseConfig(readConfigFiles(places));
}

/** The merged settings of some files: key by key, the last one wins. Throws `bad-config`. */
export async function parseConfig(files: readonly ConfigFile[]): Promise<Config> {
  const all: Settings[] = [];
  for (const file of files) all.push(await parseFile(file));
  const merged = mergeSettings(all);
  const fault = findIdFault(merged.ids);
  // Each file is valid by itself, so the last one that sets ids is to blame.
  const culprit = files[all.findLastIndex(({ ids }) => Object.keys(ids).length > 0)];
  if (fault !== null && culprit !== undefined) throw settingMistake(culprit, fault, page);
  return completeSettings(
    merged,
    files.map(({ path }) => path),
  );
}

async function parseFile(file: ConfigFile): Promise<Settings> {
  const toml = await parseToml(file.text);
  if ('fault' in toml) throw tomlMistake(file, toml.fault, page);
  const result = await readSettings(toml.table);
  if ('fault' in result) throw settingMistake(file, result.fault, page);
  return result.settings;
}
