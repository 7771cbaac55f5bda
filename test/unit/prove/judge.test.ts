import { expect, test } from 'vitest';

import type { ProofCase } from '../../../src/prove/cases.ts';
import { judgeProof } from '../../../src/prove/judge.ts';
import type { ProofSetting } from '../../../src/prove/promise.ts';
import type { ProofResult } from '../../../src/prove/report.ts';

const setting: ProofSetting = {
  isolates: true,
  filter: 'whole',
  network: 'own',
  devices: false,
  tunnel: false,
  workingDirectory: '/',
  limits: { pids: false, memory: false },
};

function judge(id: string, inside: ProofResult['verdict'] | null, outside: ProofResult['verdict'] | null, own: Partial<ProofSetting> = {}) {
  const each: ProofCase = { id, claim: 'it holds', filterOnly: false, network: false };
  const results = (verdict: ProofResult['verdict'] | null): ProofResult[] => (verdict === null ? [] : [{ id, verdict, detail: 'because' }]);
  const [finding] = judgeProof([each], { ...setting, ...own }, results(inside), results(outside));
  return [finding?.state, finding?.reason];
}

test('an attack that works without a sandbox and fails in it was held off', () => {
  expect(judge('procfs/kcore', 'held', 'broken')).toEqual(['held', '']);
});

test('an attack that fails without a sandbox too proves nothing', () => {
  expect(judge('procfs/kcore', 'held', 'held')).toEqual(['untried', 'fails without a sandbox too: because']);
  expect(judge('procfs/kcore', 'held', 'untried')).toEqual(['untried', 'fails without a sandbox too: because']);
});

test('an attack that is not made without a sandbox proves nothing either', () => {
  expect(judge('terminal/type', 'held', null)).toEqual(['untried', 'held, but not tried without a sandbox: it could do harm there']);
});

test('an attack that works in the sandbox broke its promise, whatever happens outside', () => {
  for (const outside of ['held', 'broken', 'untried', null] as const) {
    expect(judge('procfs/kcore', 'broken', outside)).toEqual(['broken', 'because']);
  }
});

test('a probe that says nothing about a case did not hold it', () => {
  expect(judge('procfs/kcore', null, 'broken')).toEqual(['broken', 'the probe gave no answer']);
});

test('what the options give away is open, with what the attack gained', () => {
  expect(judge('devices/others', 'broken', 'broken', { devices: true })).toEqual(['open', 'because']);
  expect(judge('devices/others', 'held', 'broken', { devices: true })).toEqual(['open', '']);
});
