import { engines } from '../../engine/registry.ts';
import { IsolateError } from '../../error.ts';
import { shells } from '../completion-words.ts';
import { renderCompletion } from '../completion.ts';
import { print } from '../output.ts';
import type { ParsedArguments } from '../parsed-arguments.ts';

/** `isolate completion SHELL`: prints the completion script of that shell. */
export function completionVerb({ words }: ParsedArguments): number {
  const [word, ...more] = words;
  const shell = shells.find((name) => name === word);
  if (shell === undefined || more.length > 0) {
    const problem =
      word === undefined ? 'No shell was given.' : `${JSON.stringify(words.join(' '))} is not a shell for which isolate has completions.`;
    throw new IsolateError('usage', problem, {
      hint: `isolate completion ${shells.join('|')}`,
    });
  }
  print(
    renderCompletion(
      shell,
      engines.map(({ name }) => name),
    ),
  );
  return 0;
}
