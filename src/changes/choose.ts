import type { BytePath, Change } from './change.ts';

/** Whether a path is one of `chosen`, or below one. Everything is below `.`. */
export function isChosen(path: BytePath, chosen: readonly BytePath[]): boolean {
  return chosen.some((each) => each === '.' || path === each || path.startsWith(`${each}/`));
}

/** Whether a change is of such a path; of a move either will do. */
export function concerns({ path, movedFrom }: Change, chosen: readonly BytePath[]): boolean {
  return isChosen(path, chosen) || (movedFrom !== undefined && isChosen(movedFrom, chosen));
}
