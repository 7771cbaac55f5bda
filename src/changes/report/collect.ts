import type { BytePath, Change } from '../change.ts';
import { showText } from '../show-path.ts';
import type { Finding } from '../finding.ts';
import { pathItem } from './items.ts';
import type { Rule } from './rule.ts';

interface Entry {
  readonly path: BytePath;
  readonly item: string;
  /** A package that differs has the file by its own list. */
  readonly ofPackage: boolean;
  /** Above the path, a directory that stands for all that is in it. */
  readonly tree: string | null;
}

export interface Collector {
  /** Counts an item that is about a path. */
  readonly add: (rule: Rule, path: BytePath, item: string, about: About) => void;
  /** Counts a path; `tree` stands for it in a long list. */
  readonly addChange: (rule: Rule, change: Change, tree: string | null, ofPackage: boolean) => void;
  /** In the order of the table. */
  readonly findings: (table: readonly Rule[]) => readonly Finding[];
}

export interface About {
  readonly inFull: boolean;
  readonly ofPackage: boolean;
}

export function createCollector(): Collector {
  const byRule = new Map<Rule, { readonly first: Entry[]; readonly rest: Entry[] }>();
  const addEntry = (rule: Rule, entry: Entry, inFull: boolean) => {
    const lists = byRule.get(rule) ?? { first: [], rest: [] };
    byRule.set(rule, lists);
    (inFull || rule.inFull === true ? lists.first : lists.rest).push(entry);
  };
  return {
    add: (rule, path, item, { inFull, ofPackage }) => addEntry(rule, { path, item: showText(item), tree: null, ofPackage }, inFull),
    addChange: (rule, change, tree, ofPackage) => {
      const item = rule.risk === 'none' ? '' : itemOf(rule, change);
      addEntry(rule, { path: change.path, item, tree, ofPackage }, change.after === null);
    },
    findings: (table) =>
      table.flatMap((rule) => {
        const lists = byRule.get(rule);
        return lists === undefined ? [] : [makeFinding(rule, lists.first, lists.rest)];
      }),
  };
}

function makeFinding(rule: Rule, first: readonly Entry[], rest: readonly Entry[]): Finding {
  const entries = [...strangersFirst(first), ...strangersFirst(rest)];
  const items = rule.risk === 'none' ? [] : foldTrees(entries);
  const count = rule.general === true || rule.risk === 'none' ? entries.length : new Set(items).size;
  return {
    rule: rule.id,
    category: rule.category,
    risk: rule.risk,
    count,
    what: rule.what[count === 1 ? 0 : 1],
    items,
    ofPackages: rule.risk === 'none' ? 0 : countOfPackages(entries, items),
    inFull: rule.risk === 'none' ? 0 : first.length,
    paths: entries.map(({ path }) => path),
    why: rule.why,
  };
}

/** A package may have many files that a rule knows, and must not hide one that it does not have. */
function strangersFirst(entries: readonly Entry[]): readonly Entry[] {
  return [...entries.filter(({ ofPackage }) => !ofPackage), ...entries.filter(({ ofPackage }) => ofPackage)];
}

/** How many different items are only of packages. */
function countOfPackages(entries: readonly Entry[], items: readonly string[]): number {
  const strange = new Set(items.filter((_, at) => entries[at]?.ofPackage !== true));
  return new Set(items.filter((item) => !strange.has(item))).size;
}

/** Items, with those in one tree made equal. */
function foldTrees(entries: readonly Entry[]): readonly string[] {
  const sizes = new Map<string, number>();
  for (const { tree } of entries) if (tree !== null) sizes.set(tree, (sizes.get(tree) ?? 0) + 1);
  return entries.map(({ item, tree }) => (tree !== null && (sizes.get(tree) ?? 0) > 1 ? tree : item));
}

function itemOf({ match }: Rule, change: Change): string {
  return showText((match.by === 'state' || match.by === 'path' ? match.item : undefined)?.(change) ?? pathItem(change));
}
