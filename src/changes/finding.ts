import type { BytePath } from './change.ts';

/** Highest first. What has none is counted and not listed. */
export const risks = ['high', 'medium', 'low', 'none'] as const;
export type Risk = (typeof risks)[number];

export const riskTitles: Readonly<Record<Risk, string>> = { high: 'High risk', medium: 'Medium risk', low: 'Low risk', none: 'No risk' };

/** What one rule found. */
export interface Finding {
  readonly rule: string;
  readonly category: string;
  readonly risk: Risk;
  readonly count: number;
  /** What is counted, in the number of `count`: "2 users" has `users`. */
  readonly what: string;
  /**
   * For people, safe for a terminal; those that are always shown come first. Equal ones are one thing, such as a directory with many files. A
   * finding of the risk `none` has none.
   */
  readonly items: readonly string[];
  /** How many of the things that are counted are files of packages that differ, by the lists of these packages. Their items come later. */
  readonly ofPackages: number;
  /** How many items at the beginning are always shown. */
  readonly inFull: number;
  /** The path that each item is about, or, without items, all paths. */
  readonly paths: readonly BytePath[];
  readonly why: string;
}

/** What all changes mean for a person. */
export interface Report {
  /** One sentence. */
  readonly summary: string;
  /** By risk, and then in the order of the table. */
  readonly findings: readonly Finding[];
}

/** `2 users`. */
export function countOf({ count, what }: Finding): string {
  return `${formatCount(count)} ${what}`;
}

/** How much of it packages brought, behind `countOf`; or ''. */
export function packagesNote({ count, ofPackages }: Finding): string {
  if (ofPackages === 0) return '';
  if (ofPackages < count) return ` (${formatCount(ofPackages)} of packages)`;
  return count === 1 ? ' (of a package)' : ' (all of packages)';
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** The items of a finding, each once; behind one that is counted more often, as a directory that stands for its files is, how often. */
export function shownItems({ items, count }: Finding, cut: (item: string) => string = (item) => item): readonly string[] {
  const times = new Map<string, number>();
  for (const item of items) times.set(item, (times.get(item) ?? 0) + 1);
  return Array.from(times, ([item, number]) => (number > 1 && count > times.size ? withCount(cut(item), number) : cut(item)));
}

function withCount(item: string, times: number): string {
  const files = `${formatCount(times)} files`;
  return item.endsWith(' (deleted)') ? `${item.slice(0, -1)}, ${files})` : `${item} (${files})`;
}
