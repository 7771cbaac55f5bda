import { showAbsolutePath } from '../show-path.ts';
import { countOf, type Finding, formatCount, packagesNote, type Report, riskTitles, shownItems } from '../finding.ts';

export interface ReportForm {
  /** How many items a finding has at most, beside those that are always shown. */
  readonly mostItems: number;
  /** Also what is counted only. */
  readonly all: boolean;
  /** Says that --all shows the rest. */
  readonly saysAll: boolean;
}

/** How long a line of an item is at most. */
const longest = 200;

/** A report as text for terminals: its sentence, then the findings of each risk. Names cannot give commands to the terminal. */
export function renderChangeReport({ summary, findings }: Report, form: ReportForm): string {
  const shown = findings.filter(({ risk }) => form.all || risk !== 'none');
  const lines = shown.flatMap((finding, at) => [
    ...(finding.risk === shown[at - 1]?.risk ? [] : ['', riskTitles[finding.risk]]),
    ...linesOf(finding, form),
  ]);
  const isCut = !form.all && form.saysAll && shown.length < findings.length;
  return [isCut ? summary.replace(/\.$/, ' (--all).') : summary, ...lines].map((line) => `${line}\n`).join('');
}

function linesOf(finding: Finding, { mostItems, all, saysAll }: ReportForm): readonly string[] {
  const items = finding.items.length > 0 ? shownItems(finding, cut) : [...new Set(finding.paths.map(showAbsolutePath))].map(cut);
  const inFull = new Set(finding.items.slice(0, finding.inFull)).size;
  const limit = all ? items.length : inFull + mostItems;
  // A line that says "and 1 more" could say the item instead.
  const kept = items.length === limit + 1 ? items : items.slice(0, limit);
  const rest = items.length - kept.length;
  return [
    `  ${countOf(finding)}${packagesNote(finding)}`,
    `    ${finding.why}`,
    ...kept.map((item) => `      ${item}`),
    ...(rest > 0 ? [`      and ${formatCount(rest)} more${saysAll ? ' (--all)' : ''}`] : []),
  ];
}

function cut(item: string): string {
  const characters = Array.from(item.length > longest ? item.slice(0, longest * 2) : item);
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : item;
}
