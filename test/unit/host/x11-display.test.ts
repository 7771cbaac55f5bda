import { expect, test } from 'vitest';

import { parseDisplay } from '../../../src/host/x11-display.ts';

test.each([
  [':0', { number: '0', name: ':0', socket: '/tmp/.X11-unix/X0' }],
  [':0.1', { number: '0', name: ':0.1', socket: '/tmp/.X11-unix/X0' }],
  ['unix:12', { number: '12', name: ':12', socket: '/tmp/.X11-unix/X12' }],
  [':007', { number: '7', name: ':7', socket: '/tmp/.X11-unix/X7' }],
])('the display %j is of this host', (text, display) => {
  expect(parseDisplay(text)).toEqual(display);
});

test.each([
  '',
  '0',
  ':',
  ':x',
  ':0/../../x',
  'host:0',
  'localhost:10.0',
  'tcp/host:0',
  ':0.',
  ':-1',
  ':123456',
  ':0\n',
  '/tmp/.X11-unix/X0',
])('the display %j is not', (text) => {
  expect(parseDisplay(text)).toBe(null);
});
