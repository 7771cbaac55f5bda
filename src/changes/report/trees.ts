import type { BytePath, Change } from '../change.ts';
import { parentOf } from '../paths.ts';

/** The directories that came or went with everything in them. */
export interface Trees {
  /** The highest one above a path; null: its directory is on both sides. */
  readonly topOf: (path: BytePath, isGone: boolean) => BytePath | null;
}

export function createTrees(changes: Iterable<Change>): Trees {
  const come = new Set<BytePath>();
  const gone = new Set<BytePath>();
  for (const { path, before, after } of changes) {
    if (before === null && after?.kind === 'directory') come.add(path);
    if (after === null && before?.kind === 'directory') gone.add(path);
  }
  return {
    topOf: (path, isGone) => {
      const directories = isGone ? gone : come;
      let top: BytePath | null = null;
      let above = parentOf(path);
      while (directories.has(above)) {
        top = above;
        above = parentOf(above);
      }
      return top;
    },
  };
}
