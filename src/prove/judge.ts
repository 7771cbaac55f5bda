import type { ProofCase } from './cases.ts';
import { isPromised, type ProofSetting } from './promise.ts';
import type { ProofResult } from './report.ts';

/** The result of one case. `open`: the configuration does not promise it; it was tried anyway. */
export interface Finding {
  readonly id: string;
  readonly claim: string;
  readonly state: 'held' | 'broken' | 'untried' | 'open';
  /** Why it is not `held`; else empty. */
  readonly reason: string;
}

/**
 * Judges every case by the probe's answers `inside` and those `outside`, the positive control. An attack that fails without a sandbox too
 * says nothing about the sandbox, and a case without an answer inside did not hold.
 */
export function judgeProof(
  cases: readonly ProofCase[],
  setting: ProofSetting,
  inside: readonly ProofResult[],
  outside: readonly ProofResult[],
): readonly Finding[] {
  const here = new Map(inside.map((result) => [result.id, result]));
  const there = new Map(outside.map((result) => [result.id, result]));
  return cases.map((each) => {
    const { id, claim } = each;
    const judged = judge(here.get(id), there.get(id));
    if (isPromised(each, setting)) return { id, claim, ...judged };
    return { id, claim, state: 'open', reason: judged.state === 'broken' ? judged.reason : '' };
  });
}

function judge(here: ProofResult | undefined, there: ProofResult | undefined): Pick<Finding, 'state' | 'reason'> {
  if (here === undefined) return { state: 'broken', reason: 'the probe gave no answer' };
  if (here.verdict === 'broken') return { state: 'broken', reason: here.detail };
  if (here.verdict === 'untried') return { state: 'untried', reason: here.detail };
  if (there?.verdict === 'broken') return { state: 'held', reason: '' };
  if (there === undefined) return { state: 'untried', reason: 'held, but not tried without a sandbox: it could do harm there' };
  return { state: 'untried', reason: `fails without a sandbox too: ${there.detail}` };
}
