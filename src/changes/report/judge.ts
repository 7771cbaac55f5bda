import type { Change } from '../change.ts';
import type { Collector } from './collect.ts';
import { pathItem } from './items.ts';
import type { PackageFiles } from './package-files.ts';
import { createSourceMatcher } from './packages.ts';
import { createMatcher } from './path-pattern.ts';
import { canonicalPath, type Rule, type Texts } from './rule.ts';
import { showPath } from '../show-path.ts';
import type { Trees } from './trees.ts';
import { hasNewText, isUnread } from './unread.ts';

/** What is known about all changes together. */
export interface Circumstances {
  readonly texts: Texts;
  readonly packageFiles: PackageFiles;
  readonly trees: Trees;
}

/** Gives each change to the rules of the table that it triggers. */
export function createJudge(table: readonly Rule[], circumstances: Circumstances, collector: Collector): (change: Change) => void {
  const { texts, packageFiles, trees } = circumstances;
  const states = table.flatMap((rule) => (rule.match.by === 'state' ? [{ rule, fits: rule.match.fits }] : []));
  const ofPackage = table.find(({ match }) => match.by === 'packages' && match.news === 'files');
  const unread = table.find(({ match }) => match.by === 'unread');
  const rulesAt = createTableMatcher(table);
  const sourceOf = createSourceMatcher();

  const judgeStates = (change: Change) => {
    let isCounted = false;
    for (const { rule, fits } of states) {
      if (!fits(change)) continue;
      collector.addChange(rule, change, null);
      isCounted = true;
    }
    return isCounted;
  };

  const judgeTexts = (change: Change, found: readonly Rule[]) => {
    const needed = found.filter(({ match }) => match.by === 'text');
    if (!hasNewText(change)) return false;
    const source = needed.length === 0 ? sourceOf(change.path) : null;
    const isNeeded = needed.length > 0 || (source?.needsText === true && source.id !== 'node');
    const pair = texts.get(change.path);
    if (isNeeded && isUnread(change, pair)) {
      if (unread !== undefined) collector.add(unread, change.path, pathItem(change), true);
      return true;
    }
    let isCounted = false;
    for (const rule of needed) {
      if (rule.match.by !== 'text') continue;
      for (const item of rule.match.compare(pair?.before ?? '', pair?.after ?? '', change.path)) {
        collector.add(rule, change.path, item, change.after === null);
        isCounted = true;
      }
    }
    return isCounted;
  };

  return (change) => {
    const found = rulesAt(change);
    const isCounted = judgeStates(change);
    if (judgeTexts(change, found)) return;
    const isOfPackage = packageFiles.explain(change);
    const first = found.find((rule) => (rule.general !== true || !(isCounted || isOfPackage)) && fitsPath(rule, change));
    if (first !== undefined)
      collector.addChange(first, change, first.general === true && first.named !== true ? treeOf(change, trees) : null);
    else if (isOfPackage && !isCounted && ofPackage !== undefined) collector.addChange(ofPackage, change, null);
  };
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
    const found = new Set(matcher.match(canonicalPath(path)));
    const kept = [...found].filter((at) => at >= 0 && !found.has(-1 - at)).sort((one, other) => one - other);
    return kept.flatMap((at) => table[at] ?? []);
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

function treeOf({ path, after }: Change, trees: Trees): string | null {
  const top = trees.topOf(path, after === null);
  return top === null ? null : `/${showPath(top)}/${after === null ? ' (deleted)' : ''}`;
}
