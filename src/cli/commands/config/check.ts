import { toJson } from '../../../json.ts';
import { type CheckedFile, checkSettings, stateWords } from '../../check-settings.ts';
import { escapeControls } from '../../escape.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { refuseWords } from '../refuse-words.ts';

/** `isolate config check`: every file that settings of runs in this directory can come from. Status 0 if none is invalid, else 1. */
export async function checkConfigVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate config check [OPTIONS]');
  const files = await checkSettings();
  print(parsed.flags.has('json') ? `${toJson({ files })}\n` : files.map(renderChecked).join(''));
  return files.some(({ state }) => state === 'invalid') ? 1 : 0;
}

function renderChecked({ file, state, message }: CheckedFile): string {
  return `${escapeControls(message ?? `${file}: ${stateWords[state]}`)}\n`;
}
