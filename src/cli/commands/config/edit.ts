import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { configPath } from '../../../config/config.ts';
import { parseConfig } from '../../../config/load.ts';
import { parseRunFile } from '../../../config/runs/load.ts';
import { IsolateError } from '../../../error.ts';
import { editFile } from '../../../process/editor.ts';
import { makeDirectories } from '../../../process/make-directories.ts';
import { toSystemFailure } from '../../../process/system-error.ts';
import { ask, canAsk } from '../../ask.ts';
import { verbs } from '../../options.ts';
import { write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { renderError } from '../../render-error.ts';
import { ownSettingsCaller } from '../../settings-caller.ts';
import { refuseWords } from '../refuse-words.ts';

/** A file that can be edited. */
interface Edited {
  readonly path: string;
  /** What a file that is not there yet begins with, and the modes of it and of its directory. */
  readonly start: string;
  readonly mode: number;
  readonly directoryMode: number;
  /** Throws `bad-config`. */
  readonly check: (text: string) => Promise<unknown>;
}

/** `isolate config edit`: edits a copy, which replaces the file once it is valid. Status 0 if it did, or if nothing was changed; else 1. */
export async function editConfigVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate config edit [OPTIONS]');
  const edited = parsed.flags.has('system') ? systemFile() : ownFile();
  try {
    return await edit(edited);
  } catch (error) {
    throw toSystemFailure(error) ?? error;
  }
}

function systemFile(): Edited {
  return {
    path: configPath,
    start: '# Settings of isolate for this host; docs/daemon.md describes all keys.\n#template = "debian"\n',
    mode: 0o644,
    directoryMode: 0o755,
    check: (text) => parseConfig([{ path: configPath, text }]),
  };
}

function ownFile(): Edited {
  const { settings: path, home } = ownSettingsCaller().places;
  if (path === null)
    throw new IsolateError('state-unreadable', 'You have no home directory.', { hint: 'set HOME to a directory of yours' });
  return {
    path,
    start:
      '# Settings of isolate; docs/settings.md describes all keys.\n#template = "debian"\n\n#[presets.build]\n#bind = [".:/src"]\n#chdir = "/src"\n',
    mode: 0o600,
    directoryMode: 0o700,
    check: (text) => parseRunFile({ path, text }, { home, directory: null }, verbs),
  };
}

async function edit({ path, start, mode, directoryMode, check }: Edited): Promise<number> {
  makeDirectories(dirname(path), directoryMode);
  // Where a link leads, so that it stays a link.
  const target = existsSync(path) ? realpathSync(path) : path;
  const before = existsSync(target) ? readFileSync(target, 'utf8') : null;
  const copy = join(dirname(target), `.edit-${randomBytes(8).toString('hex')}.toml`);
  writeFileSync(copy, before ?? start, { flag: 'wx', mode: 0o600 });
  try {
    if (!(await editUntilValid(copy, before ?? start, check))) return 1;
    const text = readFileSync(copy, 'utf8');
    if (text === (before ?? start)) {
      write(2, 'isolate: Nothing was changed.\n');
      return 0;
    }
    const now = existsSync(target) ? readFileSync(target, 'utf8') : null;
    if (now !== before) throw new IsolateError('bad-config', `${path} was changed by somebody else in the meantime, so nothing was saved.`);
    chmodSync(copy, before === null ? mode : statSync(target).mode & 0o7777);
    renameSync(copy, target);
    write(2, `isolate: Saved ${path}.\n`);
    return 0;
  } finally {
    rmSync(copy, { force: true });
  }
}

/** False: the user gave up. */
async function editUntilValid(copy: string, before: string, check: Edited['check']): Promise<boolean> {
  for (;;) {
    await editFile(copy);
    const text = readFileSync(copy, 'utf8');
    if (text === before) return true;
    try {
      await check(text);
      return true;
    } catch (error) {
      if (!(error instanceof IsolateError) || !canAsk()) throw error;
      write(2, renderError(error, false));
    }
    if (!ask('Edit it again?', true)) {
      write(2, 'isolate: Nothing was saved.\n');
      return false;
    }
  }
}
