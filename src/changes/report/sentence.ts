import type { Finding } from './collect.ts';
import { rules } from './rules.ts';

/** How many findings, and how many names of one, the sentence has. */
const most = { findings: 10, names: 3 } as const;

const named = new Set(rules.filter((rule) => rule.named === true).map(({ id }) => id));

/** `1,234,567`. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** "2 packages installed (cron 3.0pl1, nginx 1.22.1), 1 user (ada); 212 files of caches left out (--all)." */
export function summarize(findings: readonly Finding[]): string {
  const listed = findings.filter(({ risk }) => risk !== 'none');
  const silent = findings.filter(({ risk }) => risk === 'none');
  const more = listed.length - most.findings;
  const clauses = [
    ...listed.slice(0, most.findings).map(clauseOf),
    ...(more > 0 ? [`${more} more ${more === 1 ? 'finding' : 'findings'}`] : []),
  ];
  const leftOut = silent.length === 0 ? [] : [`${silent.map(countOf).join(', ')} left out (--all)`];
  if (clauses.length === 0 && leftOut.length === 0) return 'Nothing changed.';
  return `${[clauses.length === 0 ? 'Nothing that matters changed' : clauses.join(', '), ...leftOut].join('; ')}.`;
}

export function countOf({ count, what }: Finding): string {
  return `${formatCount(count)} ${what}`;
}

function clauseOf(finding: Finding): string {
  if (!named.has(finding.rule)) return countOf(finding);
  const names = [...new Set(finding.items.map(shorten))];
  const more = names.length - most.names;
  const said = more > 1 ? [...names.slice(0, most.names), `${formatCount(more)} more`] : names;
  return `${countOf(finding)} (${said.join(', ')})`;
}

/** Without what stands in parentheses, and not too long for a sentence. */
function shorten(item: string): string {
  const name = item.replace(/ \(.*$/, '');
  return name.length > 60 ? `${Array.from(name).slice(0, 59).join('')}…` : name;
}
