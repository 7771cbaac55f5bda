import type { BytePath, Change } from '../../change.ts';
import { isPlainAddition } from '../../words.ts';

/** A place in the tree of changes: a change, or a directory that has some below, or both. */
export interface TreeNode {
  /** One part of a path, or more where there is nothing else between. */
  readonly name: BytePath;
  readonly change: Change | null;
  readonly children: readonly TreeNode[];
  /** Changes here and below. */
  readonly count: number;
  /** Something here or below is no plain addition. */
  readonly isNotable: boolean;
}

/** Deeper paths are one name: browsers give up on elements that are nested too deeply. */
const deepest = 50;

interface Draft {
  readonly name: BytePath;
  change: Change | null;
  readonly children: Map<string, Draft>;
}

/** The tree of changes below the root. The root's own change is a node without children. */
export function buildTree(changes: readonly Change[]): readonly TreeNode[] {
  const root: Draft = { name: '', change: null, children: new Map() };
  for (const change of changes) {
    const parts = change.path.split('/');
    const names = parts.length <= deepest ? parts : [...parts.slice(0, deepest - 1), parts.slice(deepest - 1).join('/')];
    let place = root;
    for (const name of names) {
      const next = place.children.get(name) ?? { name, change: null, children: new Map() };
      place.children.set(name, next);
      place = next;
    }
    place.change = change;
  }
  return [...root.children.values()].map(finish);
}

function finish(draft: Draft): TreeNode {
  let { name } = draft;
  let place = draft;
  for (;;) {
    const [only, ...others] = place.children.values();
    if (place.change !== null || only === undefined || others.length > 0 || only.change !== null) break;
    name = `${name}/${only.name}`;
    place = only;
  }
  const children = [...place.children.values()].map(finish);
  const { change } = place;
  return {
    name,
    change,
    children,
    count: children.reduce((sum, { count }) => sum + count, change === null ? 0 : 1),
    isNotable: children.some(({ isNotable }) => isNotable) || (change !== null && !isPlainAddition(change)),
  };
}
