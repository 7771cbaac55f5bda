import type { BytePath, Change } from '../change.ts';
import type { Collector } from './collect.ts';
import { linkItem, pathItem } from './items.ts';
import type { PackageFiles } from './package-files.ts';
import { createMatcher } from './path-pattern.ts';
import { canonicalPath, type Rule, type Texts } from './rule.ts';
import { showAbsolutePath } from '../show-path.ts';
import { isSkeletonCopy } from './skeletons.ts';
import type { Trees } from './trees.ts';
import { hasNewText, isUnread } from './unread.ts';

/** What is known about all changes together. */
export interface Circumstances {
  readonly texts: Texts;
  /** Files without whose texts nobody knows which packages there are. */
  readonly databases: ReadonlySet<BytePath>;
  readonly packageFiles: PackageFiles;
  readonly trees: Trees;
}

/** Gives each change to the rules of the table that it triggers. */
export function createJudge(table: readonly Rule[], circumstances: Circumstances, collector: Collector): (change: Change) => void {
  const { texts, databases, packageFiles, trees } = circumstances;
  const states = table.flatMap((rule) => (rule.match.by === 'state' ? [{ rule, fits: rule.match.fits }] : []));
  const packageRule = table.find(({ match }) => match.by === 'packages' && match.news === 'files');
  const skeletonRule = table.find(({ match }) => match.by === 'skeleton');
  const unread = table.find(({ match }) => match.by === 'unread');
  const rulesAt = createTableMatcher(table);

  const judgeStates = (change: Change, ofPackage: boolean) => {
    let isCounted = false;
    for (const { rule, fits } of states) {
      if (!fits(change)) continue;
      collector.addChange(rule, change, null, ofPackage);
      isCounted = true;
    }
    return isCounted;
  };

  const judgeTexts = (change: Change, found: readonly Rule[], ofPackage: boolean) => {
    if (!hasNewText(change)) return false;
    const needed = found.flatMap((rule) => (rule.match.by === 'text' ? [{ rule, compare: rule.match.compare }] : []));
    const [first] = needed;
    if (first === undefined && !databases.has(change.path)) return false;
    if (first !== undefined && change.after?.kind === 'link') {
      collector.add(first.rule, change.path, linkItem(change), { inFull: true, ofPackage });
      return true;
    }
    const pair = texts.get(change.path);
    if (isUnread(change, pair)) {
      if (unread !== undefined) collector.add(unread, change.path, pathItem(change), { inFull: true, ofPackage });
      return true;
    }
    let isCounted = false;
    for (const { rule, compare } of needed) {
      for (const item of compare(pair?.before ?? '', pair?.after ?? '', change.path)) {
        collector.add(rule, change.path, item, { inFull: change.after === null, ofPackage });
        isCounted = true;
      }
    }
    return isCounted;
  };

  return (change) => {
    const found = rulesAt(change);
    const ofPackage = packageFiles.explain(change);
    const isCounted = judgeStates(change, ofPackage);
    if (skeletonRule !== undefined && isSkeletonCopy(change, texts)) {
      if (!isCounted) collector.addChange(skeletonRule, change, null, ofPackage);
      return;
    }
    if (judgeTexts(change, found, ofPackage)) return;
    const isExplained = isCounted || ofPackage;
    const first = found.find((rule) => !(rule.general === true && isExplained) && fitsPath(rule, change));
    if (first !== undefined) collector.addChange(first, change, hasTrees(first) ? treeOf(change, trees) : null, ofPackage);
    else if (!isCounted && packageRule !== undefined) collector.addChange(packageRule, change, null, true);
  };
}

/** Files of these rules are so many that a directory may stand for them. */
function hasTrees({ general, named, inFull }: Rule): boolean {
  return general === true && named !== true && inFull !== true;
}

/** The rules of the table that a path fits, in its order. */
function createTableMatcher(table: readonly Rule[]): (change: Change) => readonly Rule[] {
  const patterns = table.flatMap(({ match }, at) => {
    if (match.by !== 'path' && match.by !== 'text') return [];
    const except = match.by === 'path' ? (match.except ?? []) : [];
    return [...match.paths.map((path) => [path, at] as const), ...except.map((path) => [path, -1 - at] as const)];
  });
  const matcher = createMatcher(patterns);
  return ({ path }) => {
    const found = matcher.match(canonicalPath(path)).toSorted((one, other) => one - other);
    const kept: Rule[] = [];
    for (const [at, number] of found.entries()) {
      const rule = number < 0 || number === found[at - 1] || found.includes(-1 - number) ? undefined : table[number];
      if (rule !== undefined) kept.push(rule);
    }
    return kept;
  };
}

function fitsPath({ match }: Rule, change: Change): boolean {
  if (match.by !== 'path') return false;
  const { before, after, kinds } = change;
  if (match.directories !== true && (after ?? before)?.kind === 'directory') return false;
  if (match.when === 'gone' && after !== null) return false;
  if (match.when === 'set') {
    if (after === null) return false;
    if (before !== null && !kinds.some((kind) => kind === 'added' || kind === 'content' || kind === 'type')) return false;
  }
  return match.fits?.(change) ?? true;
}

/** A directory that was deleted stands for itself, too. */
function treeOf({ path, before, after }: Change, trees: Trees): string | null {
  const isGone = after === null;
  const top = trees.topOf(path, isGone) ?? (isGone && before?.kind === 'directory' ? path : null);
  return top === null ? null : `${showAbsolutePath(`${top}/`)}${isGone ? ' (deleted)' : ''}`;
}
