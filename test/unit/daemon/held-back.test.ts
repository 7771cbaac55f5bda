import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';

import { createHeldBack } from '../../../src/daemon/held-back.ts';
import { createQuotas } from '../../../src/daemon/quota.ts';
import { poolPaths, runtimePaths } from '../../../src/pool/paths.ts';
import { formatRetiredState } from '../../../src/pool/state-file.ts';

let pool: { template: string; paths: ReturnType<typeof poolPaths> };
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-held-back-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  pool = { template: 'tank/t', paths: poolPaths(runtimePaths(directory), 'tank/t') };
  mkdirSync(pool.paths.retired, { recursive: true });
});

const file = (clone: string): string => join(pool.paths.retired, clone);
const tried = formatRetiredState({ attempts: 1, nextAttemptMs: 5 });

test('a clone that would not go counts for its user from the refresh that finds it so until it is gone', () => {
  const quotas = createQuotas();
  const heldBack = createHeldBack(quotas.adopt);
  const refresh = (): number[] => {
    heldBack.refreshed(pool);
    return [quotas.held(1), quotas.held(2)];
  };
  for (const clone of ['7', '8']) {
    writeFileSync(file(clone), 'the state of a clone that nobody tried to destroy yet\n');
    heldBack.ended('tank/t', clone, 1);
  }
  heldBack.ended('tank/t', '9', 2);
  expect(refresh()).toEqual([0, 0]);
  writeFileSync(file('7'), tried);
  expect([refresh(), refresh()]).toEqual([[1, 0], [1, 0]]); // prettier-ignore
  writeFileSync(file('8'), tried);
  heldBack.refreshed({ ...pool, template: 'tank/other' });
  expect([quotas.held(1), refresh()]).toEqual([1, [2, 0]]);
  rmSync(file('7'));
  expect(refresh()).toEqual([1, 0]);
  rmSync(file('8'));
  expect([refresh(), refresh()]).toEqual([[0, 0], [0, 0]]); // prettier-ignore
});

test('what root’s runs hold back is nobody’s', () => {
  const counted: number[] = [];
  const heldBack = createHeldBack((uid) => () => void counted.push(uid));
  heldBack.ended('tank/t', '7', 0);
  writeFileSync(file('7'), tried);
  heldBack.refreshed(pool);
  rmSync(file('7'));
  heldBack.refreshed(pool);
  expect(counted).toEqual([]);
});
