import { expect, test } from 'vitest';

import { renderError, renderErrorJson } from '../../../src/cli/render-error.ts';
import { IsolateError } from '../../../src/error.ts';

const error = new IsolateError('storage-failed', 'The clone of a/b was not made.', {
  hint: 'look at zpool status',
  cause: new Error('zfs said: out of\nspace \u001b[31m', { cause: 'disk' }),
});

test('an error is a line, a line per cause and one hint, without control characters', () => {
  expect(renderError(error, false)).toBe(
    'isolate: The clone of a/b was not made.\nbecause: zfs said: out of\\x0aspace \\x1b[31m\nbecause: disk\nhint: look at zpool status\n',
  );
});

test('an error as JSON is one line with everything in it', () => {
  const text = renderErrorJson(error);
  expect(text.indexOf('\n')).toBe(text.length - 1);
  expect(JSON.parse(text)).toEqual({
    error: {
      code: 'storage-failed',
      message: 'The clone of a/b was not made.',
      hint: 'look at zpool status',
      causes: ['zfs said: out of\nspace \u001b[31m', 'disk'],
    },
  });
});

test('an error that isolate did not make is reported as a bug, with its stack only when tracing', () => {
  const defect = new TypeError('x is undefined');
  expect(renderError(defect, false)).toBe('isolate: This is a bug in isolate; please report it.\nbecause: x is undefined\n');
  expect(renderError(defect, true).split('\n').length).toBeGreaterThan(4);
});

test('a cause that is its own cause ends the chain', () => {
  const loop = new Error('loop');
  loop.cause = loop;
  expect(renderError(new IsolateError('internal', 'It failed.', { cause: loop }), false)).toBe('isolate: It failed.\nbecause: loop\n');
});

test('characters that reorder a line are escaped', () => {
  expect(renderError(new IsolateError('usage', 'a\u202eb\u009bc\u2066d'), false)).toBe('isolate: a\\u202eb\\x9bc\\u2066d\n');
});

test('a failed system call is described in words, with its path if the message lacks it, and left out if the message says the same', () => {
  const missing = Object.assign(new Error("ENOENT: no such file or directory, open '/a/b'"), {
    errno: -2,
    code: 'ENOENT',
    syscall: 'open',
    path: '/a/b',
  });
  expect([
    renderError(new IsolateError('bad-config', '/a/b cannot be read.', { cause: missing }), false),
    renderError(new IsolateError('template-missing', 'There is no directory /a/b.', { cause: missing }), false),
    renderError(new IsolateError('bad-config', 'The settings cannot be read.', { cause: missing }), false),
  ]).toEqual([
    'isolate: /a/b cannot be read.\nbecause: no such file or directory\n',
    'isolate: There is no directory /a/b.\n',
    'isolate: The settings cannot be read.\nbecause: /a/b: no such file or directory\n',
  ]);
});

test('several problems are a line each, none of them the cause of another', () => {
  const others = new AggregateError([new Error('There is no bridge.'), new Error('\u001b[1m')], 'There is no bridge. \u001b[1m');
  expect(
    renderError(new IsolateError('missing-tool', 'LXC is not installed.', { hint: 'apt-get install lxc', cause: others }), false),
  ).toBe('isolate: LXC is not installed.\nalso: There is no bridge.\nalso: \\x1b[1m\nhint: apt-get install lxc\n');
});
