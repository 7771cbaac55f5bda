import { setTopKey } from '../../../config/set-key.ts';
import { IsolateError } from '../../../error.ts';
import { toSystemFailure } from '../../../process/system-error.ts';
import { describeTemplate } from '../../../template/open-store.ts';
import { templateName, type TemplateRef } from '../../../template/template-ref.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { changeFile, ownFile, systemFile } from '../config/settings-file.ts';
import { findGiven } from '../../../template/given.ts';
import { tell } from './tell.ts';
import { readWords } from './words.ts';

/** `isolate template default TEMPLATE`: runs that say nothing else take clones of it. */
export async function defaultVerb(parsed: ParsedArguments): Promise<number> {
  const [word = ''] = readWords(parsed, 1, 1, 'isolate template default TEMPLATE');
  const { ref, context } = await findGiven(word);
  // Whether a dataset exists only root can ask; the daemon answers the others when they run something.
  if ((ref.kind === 'directory' || context.facts.user.rights === 'root') && (await describeTemplate(ref, context)) === null) {
    throw new IsolateError('template-missing', `There is no template ${word}.`);
  }
  const path = await saveDefault(word, ref, parsed.flags.has('system'));
  tell(parsed, { template: templateName(ref), settings: path }, `${word} is the default template now: ${path}`);
  return 0;
}

/** Writes the default template into the caller's settings, or the host's, and returns the path of the file. Throws `bad-config`. */
export async function saveDefault(word: string, ref: TemplateRef, forHost: boolean): Promise<string> {
  const file = forHost ? systemFile() : ownFile();
  // A name stays a name; a path has to be right in every directory.
  const value = /[/~.]/.test(word[0] ?? '') ? templateName(ref) : word;
  try {
    await changeFile(file, async (before) => {
      const text = setTopKey(before, 'template', value);
      if (text === null) {
        throw new IsolateError('bad-config', `The key template of ${file.path} goes on beyond its line, so only you can change it.`, {
          hint: `isolate config edit${forHost ? ' --system' : ''}`,
        });
      }
      await file.check(text);
      return text === before ? null : text;
    });
  } catch (error) {
    throw toSystemFailure(error) ?? error;
  }
  return file.path;
}
