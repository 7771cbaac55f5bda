import type { ProofCase } from '../../src/prove/cases.ts';
import type { ProbeRun } from './probe.ts';
import type { Row } from './record.ts';

/** What one case showed: the probe's answer inside against its answer outside, the positive control. */
export function judgeCase(each: ProofCase, configuration: string, inside: ProbeRun, outside: ProbeRun): Row {
  const row = { case: each.id, claim: each.claim, configuration };
  const here = inside.results.get(each.id);
  const control = outside.results.get(each.id);
  if (here === undefined) return { ...row, result: 'broken', reason: `no answer: ${inside.stderr.trim().slice(0, 200)}` };
  if (here.verdict === 'broken') return { ...row, result: 'broken', reason: here.detail };
  if (here.verdict === 'untried') return { ...row, result: 'skipped', reason: `host: not tried, ${here.detail}` };
  if (control?.verdict === 'broken') return { ...row, result: 'held', reason: '' };
  return { ...row, result: 'skipped', reason: `host: holds outside too, ${control?.detail ?? 'not tried there'}` };
}
