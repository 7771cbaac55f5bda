import { expect, test } from 'vitest';

import { type DesktopCaller, findHomes, findRuntimeDirectory } from '../../../src/host/desktop-search.ts';

const passwd = 'root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n';
const caller = (uid: number, environment: DesktopCaller['environment']): DesktopCaller => ({ uid, environment, hostname: 'here', passwd });

test('the runtime directory is the one that is given', () => {
  expect(findRuntimeDirectory(caller(0, { XDG_RUNTIME_DIR: '/run/mine', SUDO_UID: '1000' }))).toBe('/run/mine');
});

test('a runtime directory that is not there is none', () => {
  expect([findRuntimeDirectory(caller(0, { SUDO_UID: '4000000000' })), findRuntimeDirectory(caller(4_000_000_000, {}))]).toEqual([
    null,
    null,
  ]);
});

test("under sudo cookies are looked for in the caller's home first", () => {
  expect(findHomes(caller(0, { HOME: '/root', SUDO_UID: '1000' }))).toEqual(['/home/ada', '/root']);
});

test.each(['0', '-1', '1000 ', '../1000', ''])('SUDO_UID %j names nobody', (uid) => {
  expect(findHomes(caller(0, { HOME: '/root', SUDO_UID: uid }))).toEqual(['/root']);
});

test('SUDO_UID means nothing to a plain user', () => {
  expect(findHomes(caller(1000, { HOME: '/home/ada', SUDO_UID: '1' }))).toEqual(['/home/ada']);
});
