import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { isApproved, parseRunFile, readText } from '../../../config/runs/load.ts';
import { approvalName, projectCandidates, projectFile } from '../../../config/runs/places.ts';
import { IsolateError } from '../../../error.ts';
import { findWriterAbove } from '../../../host/writers-above.ts';
import { makeDirectories } from '../../../process/make-directories.ts';
import { describeSystemError } from '../../../process/system-error.ts';
import { ask, canAsk } from '../../ask.ts';
import { escapeControls } from '../../escape.ts';
import { verbs } from '../../verbs.ts';
import { print, write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { ownSettingsCaller } from '../../settings-caller.ts';

/** `isolate config approve [FILE]`: status 0 if runs may use the file as it is now, else 1. */
export async function approveConfigVerb({ words: [word, ...more] }: ParsedArguments): Promise<number> {
  if (more.length > 0) {
    throw new IsolateError('usage', `Unexpected argument ${JSON.stringify(more[0])}.`, { hint: 'isolate config approve [FILE]' });
  }
  const caller = ownSettingsCaller();
  const { answers, places } = caller;
  if (places.approved === null)
    throw new IsolateError('state-unreadable', 'You have no home directory.', { hint: 'set HOME to a directory of yours' });
  const path = word === undefined ? nearest(caller.cwd, places.home) : named(word, caller.cwd);
  const file = { path, text: readText(path, answers) };
  await parseRunFile(file, { home: places.home, directory: dirname(path) }, verbs);
  if (await isApproved(file, places, caller)) {
    write(2, `isolate: ${escapeControls(path)} is approved already.\n`);
    return 0;
  }
  print(`${escapeControls(path)}${ownerNote(answers.probePath(path)?.uid, caller.uid)}:\n\n${indent(file.text)}\n`);
  if (canAsk() && !ask('May runs in this directory and below use these settings?', false)) {
    write(2, 'isolate: Not approved.\n');
    return 1;
  }
  record(places.approved, approvalName(file.path, file.text), path, caller.uid);
  write(2, 'isolate: Approved.\n');
  return 0;
}

function nearest(cwd: string | null, home: string | null): string {
  const found = projectCandidates(cwd, home).find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  if (found !== undefined) return found;
  throw new IsolateError('usage', `There is no ${projectFile} in this directory or above.`, { hint: 'isolate config approve FILE' });
}

/** Who else can change the file. */
function ownerNote(owner: number | undefined, uid: number): string {
  return owner === undefined || owner === uid || owner === 0 ? '' : `, which belongs to uid ${owner}`;
}

/** As a run in that directory finds it. */
function named(word: string, cwd: string | null): string {
  const path = resolve(cwd ?? '/', word);
  if (basename(path) !== projectFile) {
    throw new IsolateError('usage', `${JSON.stringify(word)} is not the settings file of a project, whose name is ${projectFile}.`);
  }
  try {
    return join(realpathSync(dirname(path)), projectFile);
  } catch (cause) {
    throw new IsolateError('bad-config', `${path} cannot be read.`, { cause });
  }
}

/** Its contents may be anybody's. */
function indent(text: string): string {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `    ${escapeControls(line)}`.trimEnd())
    .concat('')
    .join('\n');
}

function record(directory: string, name: string, path: string, uid: number): void {
  try {
    // Before anything is made there.
    if (findWriterAbove(join(directory, name), uid) !== null) throw notOwn(directory);
    makeDirectories(directory, 0o700);
    const { uid: owner, mode } = statSync(directory);
    if (owner !== uid || (mode & 0o022) !== 0) throw notOwn(directory);
    keepWhole(join(directory, name), `${path}\n`);
  } catch (cause) {
    if (cause instanceof IsolateError) throw cause;
    const { code = 'state-unreadable', hint } = describeSystemError(cause) ?? {};
    throw new IsolateError(code, `The approval cannot be kept in ${directory}.`, { cause, ...(hint === undefined ? {} : { hint }) });
  }
}

/** A file of this name is an approval, even one that is empty because the disk was full. */
function keepWhole(file: string, text: string): void {
  const draft = `${file}.new`;
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function notOwn(directory: string): IsolateError {
  return new IsolateError('state-unreadable', `${directory} is not yours alone, so nothing in it counts as approved by you.`, {
    hint: 'set HOME and XDG_STATE_HOME to directories of your own, as sudo -H does',
  });
}
