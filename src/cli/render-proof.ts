import type { Finding } from '../prove/judge.ts';
import { toJson } from '../json.ts';
import { escapeControls } from './escape.ts';

/** The findings as text: one line per case, and a summary. */
export function renderProof(subject: string, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ id }) => id.length));
  return [
    ...findings.map(({ state, id, claim, reason }) => {
      const why = reason === '' ? '' : ` (${escapeControls(reason)})`;
      return `${state.padEnd(7)}  ${id.padEnd(width)}  ${claim}${why}\n`;
    }),
    `\n${escapeControls(subject)}: ${summary(findings)}\n`,
    'untried: it fails on this host without a sandbox too, or could not be tried; open: not promised with these options\n',
  ].join('');
}

/** The same as a JSON object on one line. */
export function renderProofJson(subject: string, findings: readonly Finding[]): string {
  const counts = Object.fromEntries(states.map((state) => [state, count(findings, state)]));
  return `${toJson({ subject, ...counts, cases: findings })}\n`;
}

const states: readonly Finding['state'][] = ['held', 'broken', 'untried', 'open'];

function summary(findings: readonly Finding[]): string {
  return states.map((state) => `${count(findings, state)} ${state}`).join(', ');
}

function count(findings: readonly Finding[], state: Finding['state']): number {
  return findings.filter((finding) => finding.state === state).length;
}
