import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { findCachePlace, findRuntimePlace, findStatePlace, withOwnPlaces } from '../../../src/run/own-places.ts';

/** Without a name or a home of its own. */
const uid = 54_321;
const home = { path: '/home/u/.local/state/isolate', variable: 'HOME' };

let top = '';
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'isolate-places-'));
  for (const name of ['own', 'open', 'foreign']) mkdirSync(join(top, name), { mode: 0o700 });
  for (const name of ['own', 'open']) chownSync(join(top, name), uid, uid);
  chmodSync(join(top, 'open'), 0o777);
  writeFileSync(join(top, 'file'), '');
  symlinkSync('loop', join(top, 'loop'));
  symlinkSync('own', join(top, 'link'));
});
afterAll(() => rmSync(top, { recursive: true }));

test("root's places take nothing from the environment", () => {
  const environment = { HOME: '/tmp/evil', XDG_RUNTIME_DIR: '/tmp/evil' };
  expect(findCachePlace(0, { ...environment, XDG_CACHE_HOME: '/tmp/evil' })).toBe('/var/cache/isolate');
  expect({ runtime: findRuntimePlace(0, environment), state: findStatePlace(0, environment) }).toEqual({
    runtime: { path: '/run/isolate', variable: null },
    state: { path: '/var/lib/isolate', variable: null },
  });
});

test("a user's cache is where XDG_CACHE_HOME says, if that is absolute, or below the home", () => {
  const find = (cache: string): string => findCachePlace(uid, { HOME: '/home/u', XDG_CACHE_HOME: cache });
  expect(['/var/x', 'relative', ''].map(find)).toEqual(['/var/x/isolate', '/home/u/.cache/isolate', '/home/u/.cache/isolate']);
});

test('a runtime directory is used where it is a directory of the caller that nobody else can write', () => {
  const find = (runtime: string): unknown => findRuntimePlace(uid, { HOME: '/home/u', XDG_RUNTIME_DIR: runtime });
  expect(['own', 'link'].map((name) => find(join(top, name)))).toEqual(
    ['own', 'link'].map((name) => ({ path: join(top, name, 'isolate'), variable: 'XDG_RUNTIME_DIR' })),
  );
});

test('any other runtime directory is as none', () => {
  const odd = [
    '',
    'relative',
    '/proc/y',
    '/run/user/0',
    `/${'x'.repeat(5000)}`,
    ...['open', 'foreign', 'file', 'loop', 'gone'].map((name) => join(top, name)),
  ];
  expect(odd.map((XDG_RUNTIME_DIR) => findRuntimePlace(uid, { HOME: '/home/u', XDG_RUNTIME_DIR }))).toEqual(odd.map(() => home));
});

test.each([{}, { HOME: '' }, { HOME: 'relative' }])('with the variables %j the home is that of the user database', (environment) => {
  // Which has one for the user that the tests run as.
  expect(findStatePlace(1, environment)).toEqual({ path: '/root/.local/state/isolate', variable: 'HOME' });
});

test('a failure at a place of the caller names the variable that led there', async () => {
  const fail = async (path: string): Promise<unknown> => {
    const error = Object.assign(new Error('x'), { code: 'EROFS', syscall: 'open', path });
    const caught: unknown = await withOwnPlaces(uid, { HOME: '/home/u' }, () => Promise.reject(error)).catch((reason: unknown) => reason);
    return caught instanceof IsolateError ? [caught.code, caught.message, caught.hint] : caught;
  };
  const hint = 'HOME leads there; set it to a directory that you can write to';
  expect(await Promise.all([fail('/home/u/.local/state/isolate/runs/x'), fail('/home/u/.local'), fail('/srv/other')])).toEqual([
    ['state-unreadable', '/home/u/.local/state/isolate/runs/x cannot be used: its file system is read-only.', hint],
    ['state-unreadable', '/home/u/.local cannot be used: its file system is read-only.', hint],
    ['state-unreadable', '/srv/other cannot be used: its file system is read-only.', undefined],
  ]);
});

test('a bug stays a bug', async () => {
  const defect = new TypeError('x is undefined');
  await expect(withOwnPlaces(uid, {}, () => Promise.reject(defect))).rejects.toBe(defect);
});
