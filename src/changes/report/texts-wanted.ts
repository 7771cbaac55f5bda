import type { BytePath, Change } from '../change.ts';
import { listOfInfo, listsOf } from './package-files.ts';
import { automaticPath, createSourceMatcher, dpkgStatus, isDatabase } from './packages.ts';
import { createMatcher } from './path-pattern.ts';
import { canonicalPath, type Rule } from './rule.ts';
import { rules } from './rules.ts';
import { skeletonOf } from './skeletons.ts';
import { splitMoves } from './split-move.ts';
import { hasNewText } from './unread.ts';

/** How many texts one rule may need, and how many each kind of file that packages have. */
const most = { rule: 1000, databases: 5000, lists: 5000, manifests: 1000, skeletons: 200 } as const;

type TextRule = Rule & { readonly match: { readonly by: 'text' } };

export function isTextRule(rule: Rule): rule is TextRule {
  return rule.match.by === 'text';
}

/**
 * Files that the rules must read on both sides. Their number is bounded; what is left out, `makeReport` reports as not compared. The caller
 * bounds how much of one it reads: dpkg's status may have 10 MiB, and all others are small on most systems.
 */
export function textsWanted(changes: readonly Change[]): readonly BytePath[] {
  const rulesOf = createMatcher(rules.filter(isTextRule).flatMap((rule) => rule.match.paths.map((path) => [path, rule] as const)));
  const sourceOf = createSourceMatcher();
  const wanted = new Map<unknown, Set<BytePath>>();
  const want = (key: unknown, limit: number, paths: readonly BytePath[]) => {
    const known = wanted.get(key) ?? new Set();
    wanted.set(key, known);
    for (const path of paths) if (known.size < limit) known.add(path);
  };
  for (const change of splitMoves(changes).filter(hasNewText)) {
    const { path } = change;
    for (const rule of rulesOf.match(canonicalPath(path))) want(rule, most.rule, [path]);
    const source = sourceOf(path);
    if (isDatabase(source)) want('database', most.databases, [path]);
    else if (source?.needsText === true) want('manifest', most.manifests, [path]);
    const list = listOfInfo(canonicalPath(path));
    want('list', most.lists, [...(list === null ? [] : [list]), ...(source === null ? [] : listsOf({ source, change }))]);
    const skeleton = skeletonOf(change);
    if (skeleton !== null) want('skeletons', most.skeletons, [path, skeleton]);
    if (path === dpkgStatus) want('automatic', 1, [automaticPath]);
  }
  return [...new Set([...wanted.values()].flatMap((paths) => [...paths]))];
}
