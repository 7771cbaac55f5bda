import { expect, test } from 'vitest';

import { renderError, renderErrorJson } from '../../../src/cli/render-error.ts';
import { IsolateError } from '../../../src/error.ts';

const error = new IsolateError('storage-failed', 'The clone of a/b was not made.', {
  hint: 'look at zpool status',
  cause: new Error('zfs said: out of\nspace \u001b[31m', { cause: 'disk' }),
});

test('an error is a line, a line a cause and one hint, without control characters', () => {
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

test('what is no error of isolate is told to be a defect, with its stack only when tracing', () => {
  const defect = new TypeError('x is undefined');
  expect(renderError(defect, false)).toBe('isolate: isolate met a defect of its own.\nbecause: x is undefined\n');
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
