import type { BytePath, Change } from '../change.ts';
import { parentOf } from '../paths.ts';
import { isPlainAddition } from '../words.ts';

/** Plain additions that are counted instead of shown. */
export interface Fold {
  readonly directory: BytePath;
  /** The directory is one of them, so that everything plain in it is counted; otherwise it was there before. */
  readonly isNew: boolean;
  readonly members: readonly Change[];
}

/** More than these below one directory are counted. */
const mostShown = 10;

/**
 * The fold of each path that is counted; undefined: it is shown. A new directory is folded as a whole, and what was added in old
 * directories as far below as enough comes together. Takes linear time. `changes` have directories before what is in them.
 */
export function foldAdditions(changes: readonly Change[]): (path: BytePath) => Fold | undefined {
  const folds = new Map<BytePath, Fold>();
  const fold = (directory: BytePath, isNew: boolean, members: readonly Change[]): void => {
    const made = { directory, isNew, members };
    for (const { path } of members) folds.set(path, made);
  };
  const loose = new Map<BytePath, Change[]>();
  for (const [top, members] of groupByTop(changes.filter(isPlainAddition))) {
    if (members.length > mostShown) fold(top, true, members);
    else append(loose, parentOf(top), members);
  }
  for (const directory of deepestFirst(loose.keys())) {
    const members = loose.get(directory) ?? [];
    if (members.length > mostShown) fold(directory, false, members);
    else if (isDeep(directory)) append(loose, parentOf(directory), members);
  }
  return (path) => folds.get(path);
}

/** Plain additions by the highest new directory that they are in, or by their own path. */
function groupByTop(additions: readonly Change[]): ReadonlyMap<BytePath, readonly Change[]> {
  const groups = new Map<BytePath, Change[]>();
  const tops = new Map<BytePath, BytePath>();
  for (const change of additions) {
    const top = tops.get(parentOf(change.path)) ?? change.path;
    if (change.after?.kind === 'directory') tops.set(change.path, top);
    append(groups, top, [change]);
  }
  return groups;
}

/** Those above are among them, up to the second level: what is in different directories of the first has too little in common. */
function deepestFirst(directories: Iterable<BytePath>): readonly BytePath[] {
  const byDepth: Set<BytePath>[] = [];
  for (const directory of directories) {
    for (let path = directory; ; path = parentOf(path)) {
      const same = (byDepth[depthOf(path)] ??= new Set());
      if (same.has(path)) break;
      same.add(path);
      if (!isDeep(path)) break;
    }
  }
  return byDepth.flatMap((paths) => [...paths]).reverse();
}

const depthOf = (path: BytePath): number => path.split('/').length;
const isDeep = (path: BytePath): boolean => depthOf(path) > 2;

function append(lists: Map<BytePath, Change[]>, key: BytePath, members: readonly Change[]): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [...members]);
  else for (const member of members) list.push(member);
}
