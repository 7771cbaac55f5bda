import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';

import { createHeldBack } from '../../../src/daemon/held-back.ts';
import { createQuotas } from '../../../src/daemon/quota.ts';
import { poolPaths, type RuntimePaths, runtimePaths } from '../../../src/pool/paths.ts';
import { formatRetiredRecord } from '../../../src/pool/state/state-file.ts';

let runtime: RuntimePaths;
let saved: string;
let pool: { template: string; paths: ReturnType<typeof poolPaths> };
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-held-back-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  runtime = runtimePaths(directory);
  saved = join(directory, 'held-back');
  pool = { template: 'tank/t', paths: poolPaths(runtime, 'tank/t') };
  mkdirSync(pool.paths.retired, { recursive: true });
});

const file = (clone: string): string => join(pool.paths.retired, clone);
const tried = formatRetiredRecord({ attempts: 1, nextAttemptMs: 5 });

test('a clone that cannot be destroyed counts for its user from the refresh that finds out until it is gone', () => {
  const quotas = createQuotas();
  const heldBack = createHeldBack(quotas.adopt, runtime);
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
  expect({ held: quotas.held(1), refresh: refresh() }).toEqual({ held: 1, refresh: [2, 0] });
  rmSync(file('7'));
  expect(refresh()).toEqual([1, 0]);
  rmSync(file('8'));
  expect([refresh(), refresh()]).toEqual([[0, 0], [0, 0]]); // prettier-ignore
});

test('clones held back by runs of root count for nobody', () => {
  const counted: number[] = [];
  const heldBack = createHeldBack((uid) => () => void counted.push(uid), runtime);
  heldBack.ended('tank/t', '7', 0);
  writeFileSync(file('7'), tried);
  heldBack.refreshed(pool);
  rmSync(file('7'));
  heldBack.refreshed(pool);
  expect(counted).toEqual([]);
});

test('the next daemon knows whose clones are held back, after a crash and after an end, and forgets those that are gone', () => {
  const start = (): { quotas: ReturnType<typeof createQuotas>; heldBack: ReturnType<typeof createHeldBack> } => {
    const quotas = createQuotas();
    return { quotas, heldBack: createHeldBack(quotas.adopt, runtime) };
  };
  const first = start();
  for (const [clone, uid] of [['7', 1], ['8', 2]] as const) first.heldBack.ended('tank/t', clone, uid); // prettier-ignore
  writeFileSync(file('7'), tried);
  writeFileSync(file('8'), 'not tried yet\n');
  first.heldBack.refreshed(pool);
  const afterCrash = start();
  const held = ({ quotas }: { quotas: ReturnType<typeof createQuotas> }): number[] => [1, 2, 3].map(quotas.held);
  expect(held(afterCrash)).toEqual([1, 1, 0]);
  writeFileSync(file('9'), 'not tried yet\n');
  afterCrash.heldBack.ended('tank/t', '9', 3);
  afterCrash.heldBack.save();
  const afterEnd = start();
  expect(held(afterEnd)).toEqual([1, 1, 1]);
  rmSync(file('7'));
  afterEnd.heldBack.refreshed(pool);
  expect(held(afterEnd)).toEqual([0, 1, 1]);
  rmSync(file('9'));
  expect(held(start())).toEqual([0, 1, 0]);
  expect(readFileSync(saved, 'utf8')).toBe('{"template":"tank/t","clone":"8","uid":2}\n{"template":"tank/t","clone":"9","uid":3}\n');
});

test.each([
  ['nothing', ''],
  ['noise', '\0\n{}\n[]\nnull\n{"template":"tank/t","clone":"../x","uid":1}\n{"template":"tank/t","clone":"7","uid":-1}\n'],
])('%s in its file counts for nobody', (_what, text) => {
  writeFileSync(saved, text);
  const quotas = createQuotas();
  createHeldBack(quotas.adopt, runtime);
  expect(quotas.size()).toBe(0);
});
