import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { causesOf, IsolateError } from '../../../src/error.ts';
import { toSystemFailure } from '../../../src/process/system-error.ts';

function messageOf(action: () => void): unknown {
  try {
    action();
    return null;
  } catch (error) {
    const failure = toSystemFailure(error);
    return failure === null ? error : [failure.code, failure.message];
  }
}

test('failed system calls name their path and the reason in words', () => {
  expect([
    messageOf(() => mkdirSync('/proc/y')),
    messageOf(() => mkdirSync('/dev/null/x')),
    messageOf(() => readFileSync('/proc')),
    messageOf(() => writeFileSync('/dev/full', 'x')),
    messageOf(() => mkdirSync(`/${'x'.repeat(300)}`)),
  ]).toEqual([
    ['state-unreadable', '/proc/y cannot be used: it does not exist and cannot be made.'],
    ['state-unreadable', '/dev/null/x cannot be used: a part of the path is not a directory.'],
    ['state-unreadable', 'A file cannot be used: it is a directory.'],
    ['pool-full', 'A file cannot be written: its file system is full.'],
    ['state-unreadable', `/${'x'.repeat(199)}... cannot be used: the path is too long.`],
  ]);
});

test('a used-up quota, of which Node does not know the name, is told in words', () => {
  const used = Object.assign(new Error('Unknown system error -122'), { code: 'Unknown system error -122', errno: -122, syscall: 'write' });
  const reported = new IsolateError('output-failed', 'Could not write to /x.', { cause: used });
  expect([toSystemFailure(used), causesOf(reported)]).toEqual([
    new IsolateError('pool-full', 'A file cannot be written: the disk quota is used up.', { hint: 'free some space there' }),
    ['disk quota exceeded'],
  ]);
});

test('other errors, and those that no environment can cause, are left alone', () => {
  const invalid = Object.assign(new Error('x'), { code: 'EINVAL', syscall: 'open', path: '/x' });
  expect([new TypeError('x'), 'text', null, invalid].map((error) => toSystemFailure(error))).toEqual([null, null, null, null]);
});
