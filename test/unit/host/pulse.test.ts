import { expect, test } from 'vitest';

import { parsePulseServer } from '../../../src/host/pulse.ts';

test.each([
  ['unix:/run/p/native', '/run/p/native'],
  ['/run/p/native', '/run/p/native'],
  ['{0a1b}unix:/run/p/native', '/run/p/native'],
  ['tcp:host:4713 unix:/x', '/x'],
  ['tcp:host', null],
  ['unix:relative', null],
  ['host', null],
])('the server string %j names the socket %j', (text, socket) => {
  expect(parsePulseServer(text)).toBe(socket);
});
