import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { checkFront } from '../../../src/daemon/check-front.ts';
import type { IsolateError } from '../../../src/error.ts';

let top: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'isolate-front-'));
});
afterEach(() => rmSync(top, { recursive: true }));

function whyNot(path: string): string | null {
  try {
    checkFront(path);
    return null;
  } catch (error) {
    const { code, message } = error as IsolateError;
    expect({ code, namesPath: message.startsWith(`The front's socket cannot be at ${JSON.stringify(path)}: `) }).toEqual({
      code: 'usage',
      namesPath: true,
    });
    return message.replace(/^.*: /, '').replaceAll(top, '');
  }
}

test.runIf(process.getuid?.() === 0)('a socket can be where nobody but root can put anything', () => {
  for (const name of ['open', 'foreign', 'own']) mkdirSync(join(top, name));
  chmodSync(join(top, 'open'), 0o777);
  chownSync(join(top, 'foreign'), 4242, 0);
  symlinkSync('own', join(top, 'link'));
  writeFileSync(join(top, 'file'), '');
  const names = ['own/a', 'none/a', 'file/a', 'file', 'open/a', 'foreign/a', 'link/a', 'own/', `own/${'a'.repeat(81)}`];
  expect(names.map((name) => whyNot(join(top, name)))).toEqual([
    null,
    'there is no directory /none.',
    'there is no directory /file.',
    'something else is there.',
    'users other than root can write to /open.',
    '/foreign belongs to uid 4242.',
    '/link is or lies behind a symbolic link.',
    'it is not the absolute path of a file.',
    'its name is longer than 80 bytes.',
  ]);
  expect(whyNot('front.sock')).toBe('it is not the absolute path of a file.');
});
