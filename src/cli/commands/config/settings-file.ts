import { chmodSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { configPath } from '../../../config/config.ts';
import { parseConfig } from '../../../config/load.ts';
import { parseRunFile } from '../../../config/runs/load.ts';
import { IsolateError } from '../../../error.ts';
import { isLeft, passingName } from '../../../pool/passing-name.ts';
import { readDirectory } from '../../../pool/read-directory.ts';
import { makeDirectories } from '../../../process/make-directories.ts';
import { verbs } from '../../verbs.ts';
import { ownSettingsCaller, refuseMovable } from '../../settings-caller.ts';

/** A file of settings that isolate can change. */
export interface SettingsFile {
  readonly path: string;
  /** What a file that is not there yet begins with, and the modes of it and of its directory. */
  readonly start: string;
  readonly mode: number;
  readonly directoryMode: number;
  /** Throws `bad-config`. */
  readonly check: (text: string) => Promise<unknown>;
}

const copyPrefix = '.edit';

/** The host's settings. */
export function systemFile(): SettingsFile {
  return {
    path: configPath,
    start: '# Settings of isolate for this host; docs/daemon.md describes all keys.\n#template = "debian"\n',
    mode: 0o644,
    directoryMode: 0o755,
    check: (text) => parseConfig([{ path: configPath, text }]),
  };
}

/** The caller's own settings. Throws `state-unreadable` for a caller without a home, and `bad-config` for that of another user. */
export function ownFile(): SettingsFile {
  const { uid, places } = ownSettingsCaller();
  const { settings: path, home } = places;
  if (path === null)
    throw new IsolateError('state-unreadable', 'You have no home directory.', { hint: 'set HOME to a directory of yours' });
  refuseMovable(path, uid);
  return {
    path,
    start:
      '# Settings of isolate; docs/settings.md describes all keys.\n#template = "debian"\n\n#[presets.build]\n#bind = [".:/src"]\n#chdir = "/src"\n',
    mode: 0o600,
    directoryMode: 0o700,
    check: (text) => parseRunFile({ path, text }, { home, directory: null }, verbs),
  };
}

/**
 * Replaces the text of a file by what `change` makes of it, in a copy beside it, whole or not at all. null: nothing is to be saved. Throws what `change` throws, and `bad-config` if the file has changed since.
 */
export async function changeFile(
  { path, start, mode, directoryMode }: SettingsFile,
  change: (text: string, copy: string) => Promise<string | null>,
): Promise<void> {
  makeDirectories(dirname(path), directoryMode);
  // Where a link leads, so that it stays a link.
  const target = existsSync(path) ? realpathSync(path) : path;
  const read = (): string | null => (existsSync(target) ? readFileSync(target, 'utf8') : null);
  const before = read();
  sweepCopies(dirname(target));
  const copy = join(dirname(target), `${passingName(copyPrefix)}.toml`);
  try {
    writeFor(path, copy, before ?? start);
    const text = await change(before ?? start, copy);
    if (text === null) return;
    if (read() !== before)
      throw new IsolateError('bad-config', `${path} was changed by somebody else in the meantime, so nothing was saved.`);
    // What was edited there need not find space once more.
    if (readFileSync(copy, 'utf8') !== text) writeFor(path, copy, text);
    chmodSync(copy, before === null ? mode : statSync(target).mode & 0o7777);
    renameSync(copy, target);
  } finally {
    rmSync(copy, { force: true });
  }
}

/** Removes the copies of processes that were killed. */
function sweepCopies(directory: string): void {
  for (const name of readDirectory(directory)) if (isLeft(name, copyPrefix)) rmSync(join(directory, name), { force: true });
}

/** Writes a draft of the file `path`, which its errors name: those of a write say only that some disk is full. */
function writeFor(path: string, draft: string, text: string): void {
  try {
    writeFileSync(draft, text, { mode: 0o600 });
  } catch (error) {
    throw Object.assign(error as Error, { path });
  }
}
