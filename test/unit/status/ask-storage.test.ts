import { expect, onTestFinished, test, vi } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { createStorageAsker } from '../../../src/status/ask-storage.ts';
import type { CloneInfo } from '../../../src/storage/driver.ts';

function fakeDriver() {
  const clone = (id: string): CloneInfo => ({ id, guid: id, source: 'a', marked: true, kept: false, createdMs: 0, mountpoint: null });
  const asked: string[] = [];
  const state = { name: 'monday', error: null as Error | null, asked };
  return {
    state,
    driver: {
      newestSource: async () => {
        asked.push('source');
        await Promise.resolve();
        if (state.error !== null) throw state.error;
        return { template: 'tank/a', name: state.name, guid: '1' };
      },
      list: async () => {
        asked.push('list');
        await Promise.resolve();
        return [clone('1'), clone('2'), clone('3')];
      },
      holders: async ({ id }: { readonly id: string }) => {
        asked.push(`holders ${id}`);
        await Promise.resolve();
        return [{ pid: Number(id), command: 'sh' }];
      },
    },
  };
}

test('the storage is asked once a second, and for clones that were not asked for before at once', async () => {
  const { driver, state } = fakeDriver();
  let nowMs = 0;
  const ask = createStorageAsker(driver, () => nowMs);
  expect(await ask([], 0)).toEqual({ source: 'monday', holders: new Map(), error: null });
  nowMs = 1000;
  await ask([], 0);
  expect(state.asked).toEqual(['source']);
  expect(await ask(['2'], 0)).toEqual({ source: 'monday', holders: new Map([['2', [{ pid: 2, command: 'sh' }]]]), error: null });
  expect(state.asked).toEqual(['source', 'source', 'list', 'holders 2']);
});

test('no answer is older than a second or than the last refresh', async () => {
  const { driver, state } = fakeDriver();
  let nowMs = 0;
  const ask = createStorageAsker(driver, () => nowMs);
  const sources = [(await ask([], 0)).source];
  state.name = 'tuesday';
  sources.push((await ask([], 0)).source, (await ask([], 5)).source);
  state.name = 'wednesday';
  nowMs = 1001;
  sources.push((await ask([], 5)).source);
  expect(sources).toEqual(['monday', 'monday', 'tuesday', 'wednesday']);
});

test('a refresh that ends while the storage is being asked has it asked once more', async () => {
  const { driver, state } = fakeDriver();
  const ask = createStorageAsker(driver, () => 0);
  const [before, after] = await Promise.all([ask([], 1), ask([], 2)]);
  expect({ before: before.source, after: after.source, asked: state.asked }).toEqual({
    before: 'monday',
    after: 'monday',
    asked: ['source', 'source'],
  });
});

test('a storage that takes long to answer is asked more rarely', async () => {
  const { driver, state } = fakeDriver();
  let nowMs = 0;
  const slow = { ...driver, newestSource: async () => ((nowMs += 500), await driver.newestSource()) };
  const ask = createStorageAsker(slow, () => nowMs);
  await ask([], 0);
  nowMs += 5000;
  await ask([], 0);
  expect(state.asked).toHaveLength(1);
  nowMs += 1;
  await ask([], 0);
  expect(state.asked).toHaveLength(2);
});

test('however many ask, the storage is asked one question at a time, and only for what is new', async () => {
  const { driver, state } = fakeDriver();
  const ask = createStorageAsker(driver, () => 0);
  const answers = await Promise.all([ask([], 0), ask(['1'], 0), ask(['1', '2'], 0), ask(['2'], 0)]);
  expect(state.asked).toEqual(['source', 'source', 'list', 'holders 1', 'source', 'list', 'holders 1', 'holders 2']);
  expect(answers.map(({ holders }) => holders.size).at(2)).toBe(2);
  await ask(['1'], 0);
  expect(state.asked).toHaveLength(8);
});

test('a storage that cannot be asked is an answer, whatever it throws', async () => {
  const { driver, state } = fakeDriver();
  state.error = new IsolateError('pool-suspended', 'The pool is suspended.');
  const ask = createStorageAsker(driver, () => 0);
  expect(await ask([], 0)).toEqual({
    source: null,
    holders: new Map(),
    error: { code: 'pool-suspended', message: 'The pool is suspended.' },
  });
  state.error = new TypeError('x is not a function');
  expect((await ask(['1'], 0)).error).toEqual({ code: 'internal', message: 'x is not a function' });
});

test('a stuck storage is reported after two seconds, at once to later callers, and asked again when it continues', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { driver } = fakeDriver();
  const source = Promise.withResolvers<{ template: string; name: string; guid: string }>();
  const ask = createStorageAsker({ ...driver, newestSource: () => source.promise }, () => performance.now());
  const late = { source: null, holders: new Map(), error: { code: 'tool-timeout', message: 'The storage did not answer within 2 s.' } };
  const first = ask([], 0);
  await vi.advanceTimersByTimeAsync(2000);
  expect({ first: await first, again: await ask([], 0), withClone: await ask(['1'], 0) }).toEqual({
    first: late,
    again: late,
    withClone: late,
  });
  source.resolve({ template: 'tank/a', name: 'monday', guid: '1' });
  await new Promise(setImmediate);
  expect(await ask([], 0)).toEqual({ source: 'monday', holders: new Map(), error: null });
});

test('without a driver nothing is asked', async () => {
  expect(await createStorageAsker(null, () => 0)(['1'], 0)).toEqual({ source: null, holders: new Map(), error: null });
});
