import { countOf, type Finding, formatCount } from '../finding.ts';
import { dependencyNote } from './packages.ts';
import { rules } from './rules.ts';

/** How many findings, and how many names of one, the sentence has. */
const most = { findings: 10, names: 3 } as const;

const named = new Set(rules.filter((rule) => rule.named === true).map(({ id }) => id));

/** "2 packages installed (cron 3.0pl1, nginx 1.22.1), 1 user (ada); 212 files of caches left out." */
export function summarize(findings: readonly Finding[]): string {
  const listed = findings.filter(({ risk }) => risk !== 'none');
  const silent = findings.filter(({ risk }) => risk === 'none');
  const chosen = choose(listed);
  const more = listed.length - chosen.length;
  const clauses = [...chosen.map(clauseOf), ...(more > 0 ? [`${more} more ${more === 1 ? 'finding' : 'findings'}`] : [])];
  const leftOut = silent.length === 0 ? [] : [`${leftOutOf(silent)} left out`];
  if (clauses.length === 0 && leftOut.length === 0) return 'Nothing changed.';
  return `${[clauses.length === 0 ? 'Nothing that matters changed' : clauses.join(', '), ...leftOut].join('; ')}.`;
}

/** The first ones, and always those about packages, from which most others come. */
function choose(listed: readonly Finding[]): readonly Finding[] {
  const isOfPackages = ({ category, rule }: Finding) => category === 'packages' && named.has(rule);
  const room = most.findings - listed.filter(isOfPackages).length;
  const others = new Set(listed.filter((finding) => !isOfPackages(finding)).slice(0, room));
  return listed.filter((finding) => isOfPackages(finding) || others.has(finding));
}

function clauseOf(finding: Finding): string {
  if (!named.has(finding.rule)) return countOf(finding);
  const wanted = finding.items.filter((item) => !item.endsWith(`(${dependencyNote})`));
  const names = [...new Set((wanted.length > 0 ? wanted : finding.items).map(shorten))];
  const said = names.length > most.names + 1 ? names.slice(0, most.names) : names;
  const more = finding.count - said.length;
  return `${countOf(finding)} (${[...said, ...(more > 0 ? [`${formatCount(more)} more`] : [])].join(', ')})`;
}

/** Without what stands in parentheses, and not too long for a sentence. */
function shorten(item: string): string {
  const name = item.replace(/ \(.*$/, '');
  return name.length > 60 ? `${Array.from(name).slice(0, 59).join('')}…` : name;
}

function leftOutOf(silent: readonly Finding[]): string {
  const [kind] = silent;
  if (silent.length === 1 && kind !== undefined) return countOf(kind);
  const ofPackages = silent.find(({ rule }) => rule === 'package-files');
  const others = silent.filter((finding) => finding !== ofPackages);
  const count = others.reduce((sum, finding) => sum + finding.count, 0);
  return [...(ofPackages === undefined ? [] : [countOf(ofPackages)]), `${formatCount(count)} files such as caches and logs`].join(' and ');
}
