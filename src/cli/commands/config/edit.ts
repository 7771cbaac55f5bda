import { readFileSync } from 'node:fs';

import { IsolateError } from '../../../error.ts';
import { editFile } from '../../../process/editor.ts';
import { toSystemFailure } from '../../../process/system-error.ts';
import { ask, canAsk } from '../../ask.ts';
import { write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { renderError } from '../../render-error.ts';
import { refuseWords } from '../refuse-words.ts';
import { changeFile, ownFile, type SettingsFile, systemFile } from './settings-file.ts';

/** `isolate config edit`: edits a copy, which replaces the file once it is valid. Status 0 if it did, or if nothing was changed; else 1. */
export async function editConfigVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate config edit [OPTIONS]');
  const file = parsed.flags.has('system') ? systemFile() : ownFile();
  let told = `Saved ${file.path}.`;
  let status = 0;
  try {
    await changeFile(file, async (before, copy) => {
      const text = await editUntilValid(copy, before, file.check);
      if (text === null) [told, status] = ['Nothing was saved.', 1];
      else if (text === before) told = 'Nothing was changed.';
      return text === before ? null : text;
    });
  } catch (error) {
    throw toSystemFailure(error) ?? error;
  }
  write(2, `isolate: ${told}\n`);
  return status;
}

/** The text that the user has made; null: the user gave up. */
async function editUntilValid(copy: string, before: string, check: SettingsFile['check']): Promise<string | null> {
  for (;;) {
    await editFile(copy);
    const text = readFileSync(copy, 'utf8');
    if (text === before) return text;
    try {
      await check(text);
      return text;
    } catch (error) {
      if (!(error instanceof IsolateError) || !canAsk()) throw error;
      write(2, renderError(error, false));
    }
    if (!ask('Edit it again?', true)) return null;
  }
}
