import { IsolateError } from '../error.ts';
import { findPlace, locateKeys } from './locate.ts';
import type { ConfigFile } from './read-files.ts';
import type { SettingFault } from './settings.ts';
import type { TomlFault } from './toml.ts';

/** The error for text that is not TOML. `page` describes all keys of such a file. */
export function tomlMistake({ path, text }: ConfigFile, { line, reason }: TomlFault, page: string): IsolateError {
  const near = locateKeys(text).findLast((place) => place.line <= line);
  const [, name] = bareDataset.exec(text.split('\n')[line - 1]?.slice(0, 400) ?? '') ?? [];
  const slip = name === undefined ? '' : `: put the name in quotes, [templates."${name}"]`;
  return badConfig(path, line, near?.path ?? [], `${reason}${slip}`, page);
}

/** A header with a template, as somebody writes it who does not know TOML. */
const bareDataset = /^\s*\[\s*templates\.([^"'\]\s]*\/[^"'\]\s]*)\s*\]/;

/** The error for a key that is not valid. */
export function settingMistake({ path, text }: ConfigFile, fault: SettingFault, page: string): IsolateError {
  const index = fault.index === undefined ? [] : [String(fault.index)];
  const line = findPlace(locateKeys(text), [...fault.path, ...index])?.line ?? 1;
  return badConfig(path, line, fault.path, fault.reason, page);
}

function badConfig(file: string, line: number, path: readonly string[], reason: string, page: string): IsolateError {
  const key = path.length === 0 ? 'before the first key' : formatKey(path);
  const end = reason.endsWith('?') ? '' : '.';
  return new IsolateError('bad-config', `${file} is not valid: line ${line}, ${key}: ${reason}${end}`, {
    hint: `${page} describes all keys`,
  });
}

function formatKey(path: readonly string[]): string {
  return path.map((part) => (/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}
