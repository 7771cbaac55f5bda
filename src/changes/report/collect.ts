import type { BytePath, Change } from '../change.ts';
import { showText } from '../show-path.ts';
import { pathItem } from './items.ts';
import type { Category, Risk, Rule } from './rule.ts';

/** What one rule found. */
export interface Finding {
  readonly rule: string;
  readonly category: Category;
  readonly risk: Risk;
  readonly count: number;
  /** What is counted, in the number of `count`: "2 users" has `users`. */
  readonly what: string;
  /**
   * For people, safe for a terminal; those that are always shown come first. Equal ones are one thing, such as a directory with many files. A
   * finding of the risk `none` has none.
   */
  readonly items: readonly string[];
  /** How many items at the beginning are always shown. */
  readonly inFull: number;
  /** The path that each item is about, or, without items, all paths. */
  readonly paths: readonly BytePath[];
  readonly why: string;
}

interface Entry {
  readonly path: BytePath;
  readonly item: string;
  /** Above the path, a directory that stands for all that is in it. */
  readonly tree: string | null;
}

export interface Collector {
  /** Counts an item that is about a path. */
  readonly add: (rule: Rule, path: BytePath, item: string, inFull: boolean) => void;
  /** Counts a path; `tree` stands for it in a long list. */
  readonly addChange: (rule: Rule, change: Change, tree: string | null) => void;
  /** In the order of the table. */
  readonly findings: (table: readonly Rule[]) => readonly Finding[];
}

export function createCollector(): Collector {
  const byRule = new Map<Rule, { readonly first: Entry[]; readonly rest: Entry[] }>();
  const addEntry = (rule: Rule, entry: Entry, inFull: boolean) => {
    const lists = byRule.get(rule) ?? { first: [], rest: [] };
    byRule.set(rule, lists);
    (inFull || rule.inFull === true ? lists.first : lists.rest).push(entry);
  };
  return {
    add: (rule, path, item, inFull) => addEntry(rule, { path, item: showText(item), tree: null }, inFull),
    addChange: (rule, change, tree) => {
      addEntry(rule, { path: change.path, item: rule.risk === 'none' ? '' : itemOf(rule, change), tree }, change.after === null);
    },
    findings: (table) =>
      table.flatMap((rule) => {
        const lists = byRule.get(rule);
        return lists === undefined ? [] : [makeFinding(rule, lists.first, lists.rest)];
      }),
  };
}

function makeFinding(rule: Rule, first: readonly Entry[], rest: readonly Entry[]): Finding {
  const entries = [...first, ...rest];
  const items = rule.risk === 'none' ? [] : foldTrees(entries);
  const count = rule.general === true || rule.risk === 'none' ? entries.length : new Set(items).size;
  return {
    rule: rule.id,
    category: rule.category,
    risk: rule.risk,
    count,
    what: rule.what[count === 1 ? 0 : 1],
    items,
    inFull: rule.risk === 'none' ? 0 : first.length,
    paths: entries.map(({ path }) => path),
    why: rule.why,
  };
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
