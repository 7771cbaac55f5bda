import { IsolateError } from '../error.ts';
import type { Config } from './config.ts';
import { findPlace, locateKeys } from './locate.ts';
import { completeSettings, findIdFault, mergeSettings } from './merge.ts';
import { type ConfigFile, type ConfigPlaces, readConfigFiles } from './read-files.ts';
import { readSettings } from './schema.ts';
import type { SettingFault, Settings } from './settings.ts';
import { parseToml, type TomlFault } from './toml.ts';

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
  if (fault !== null && culprit !== undefined) throw settingError(culprit, fault);
  return completeSettings(
    merged,
    files.map(({ path }) => path),
  );
}

async function parseFile(file: ConfigFile): Promise<Settings> {
  const toml = await parseToml(file.text);
  if ('fault' in toml) throw tomlError(file, toml.fault);
  const result = await readSettings(toml.table);
  if ('fault' in result) throw settingError(file, result.fault);
  return result.settings;
}

function tomlError({ path, text }: ConfigFile, { line, reason }: TomlFault): IsolateError {
  const near = locateKeys(text).findLast((place) => place.line <= line);
  const name = bareDataset.exec(text.split('\n')[line - 1] ?? '')?.[1];
  const slip = name === undefined ? '' : `: put the name in quotes, [templates."${name}"]`;
  return badConfig(path, line, near?.path ?? [], `${reason}${slip}`);
}

/** A header with a template, as somebody writes it who does not know TOML. */
const bareDataset = /^\s*\[\s*templates\.([^"'\]\s]*\/[^"'\]\s]*)\s*\]/;

function settingError({ path, text }: ConfigFile, fault: SettingFault): IsolateError {
  const index = fault.index === undefined ? [] : [String(fault.index)];
  const line = findPlace(locateKeys(text), [...fault.path, ...index])?.line ?? 1;
  return badConfig(path, line, fault.path, fault.reason);
}

function badConfig(file: string, line: number, path: readonly string[], reason: string): IsolateError {
  const key = path.length === 0 ? 'before the first key' : formatKey(path);
  const end = reason.endsWith('?') ? '' : '.';
  return new IsolateError('bad-config', `${file} is not valid: line ${line}, ${key}: ${reason}${end}`, {
    hint: 'docs/daemon.md describes all keys',
  });
}

function formatKey(path: readonly string[]): string {
  return path.map((part) => (/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}
