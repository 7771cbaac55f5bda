import { renderBash } from './completion-bash.ts';
import { renderFish } from './completion-fish.ts';
import { type Shell } from './completion-words.ts';
import { renderZsh } from './completion-zsh.ts';

/** The completion script of a shell, made from the option table. After isolate's own options it offers commands. */
export function renderCompletion(shell: Shell, engineNames: readonly string[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell](engineNames);
}
