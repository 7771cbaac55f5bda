import { expect, onTestFinished, test, vi } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { createStorageAsker } from '../../../src/pool/ask-storage.ts';
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

test('the storage is asked once in five seconds, and for clones that were not asked for before at once', async () => {
  const { driver, state } = fakeDriver();
  let nowMs = 0;
  const ask = createStorageAsker(driver, () => nowMs);
  expect(await ask([])).toEqual({ source: 'monday', holders: new Map(), error: null });
  nowMs = 5000;
  await ask([]);
  expect(state.asked).toEqual(['source']);
  expect(await ask(['2'])).toEqual({ source: 'monday', holders: new Map([['2', [{ pid: 2, command: 'sh' }]]]), error: null });
  expect(state.asked).toEqual(['source', 'source', 'list', 'holders 2']);
});

test('what is asked again is answered by what is known, while the storage is asked', async () => {
  const { driver, state } = fakeDriver();
  let nowMs = 0;
  const ask = createStorageAsker(driver, () => nowMs);
  await ask([]);
  state.name = 'tuesday';
  nowMs = 5001;
  expect((await ask([])).source).toBe('monday');
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  expect((await ask([])).source).toBe('tuesday');
});

test('whoever asks meanwhile, the storage is asked once at a time, and for what is new', async () => {
  const { driver, state } = fakeDriver();
  const ask = createStorageAsker(driver, () => 0);
  const answers = await Promise.all([ask([]), ask(['1']), ask(['1', '2']), ask(['2'])]);
  expect(state.asked).toEqual(['source', 'source', 'list', 'holders 1', 'source', 'list', 'holders 1', 'holders 2']);
  expect(answers.map(({ holders }) => holders.size).at(2)).toBe(2);
  await ask(['1']);
  expect(state.asked).toHaveLength(8);
});

test('a storage that cannot be asked is an answer, whatever it throws', async () => {
  const { driver, state } = fakeDriver();
  state.error = new IsolateError('pool-suspended', 'The pool is suspended.');
  const ask = createStorageAsker(driver, () => 0);
  expect(await ask([])).toEqual({ source: null, holders: new Map(), error: { code: 'pool-suspended', message: 'The pool is suspended.' } });
  state.error = new TypeError('x is not a function');
  expect((await ask(['1'])).error).toEqual({ code: 'internal', message: 'x is not a function' });
});

test('a storage that is stuck is told of after two seconds, at once to who asks later, and asked again when it goes on', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const { driver } = fakeDriver();
  const source = Promise.withResolvers<{ template: string; name: string; guid: string }>();
  const ask = createStorageAsker({ ...driver, newestSource: () => source.promise }, () => performance.now());
  const late = { source: null, holders: new Map(), error: { code: 'tool-timeout', message: 'The storage has not answered within 2 s.' } };
  const first = ask([]);
  await vi.advanceTimersByTimeAsync(2000);
  expect([await first, await ask([]), await ask(['1'])]).toEqual([late, late, late]);
  source.resolve({ template: 'tank/a', name: 'monday', guid: '1' });
  await new Promise(setImmediate);
  expect(await ask([])).toEqual({ source: 'monday', holders: new Map(), error: null });
});

test('without a driver nothing is asked', async () => {
  expect(await createStorageAsker(null, () => 0)(['1'])).toEqual({ source: null, holders: new Map(), error: null });
});
