import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';

import { hasNested, lookIntoClone } from '../../../src/daemon/settle-in-clone.ts';
import { IsolateError } from '../../../src/error.ts';
import type { DaemonLease } from '../../../src/daemon/lease.ts';

function makeLease(): Pick<DaemonLease, 'seenAt' | 'template' | 'checked' | 'peer'> {
  const path = mkdtempSync(join(tmpdir(), 'isolate-settle-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const name of ['a/b', 'tmp']) mkdirSync(join(path, name), { recursive: true });
  symlinkSync('/tmp', join(path, 'a/link'));
  writeFileSync(join(path, 'file'), '');
  return {
    seenAt: path,
    template: 'tank/t',
    checked: { defaults: {} },
    peer: { uid: 1 } as DaemonLease['peer'],
  };
}

const settle = async (targets: readonly string[], lease = makeLease()): Promise<readonly string[]> =>
  (await lookIntoClone(lease, targets, { mountpoints: [], ownTrees: [] })).targets.map((found) =>
    found instanceof IsolateError ? found.message : found.path,
  );

test('a missing target is kept unchanged, and later ones are still looked up', async () => {
  const targets = ['/none/a/link', '/none/../a/link/x', '/a/none/x/../../link', '/a/none/x/../link', '/none/file/../../file'];
  expect(await settle(targets)).toEqual(['/none/a/link', '/tmp/x', '/tmp', '/a/none/link', '/file']);
});

test('a target that is longer than any path is an error of the caller, not a bug', async () => {
  const lease = makeLease();
  const deep = '/a'.repeat(2040);
  for (let path = lease.seenAt, depth = 0; depth < 20; depth += 1) mkdirSync((path = join(path, 'a')), { recursive: true });
  expect((await settle([deep], lease))[0]).toBe(deep);
  await expect(settle([`/${'n'.repeat(4094)}`], lease)).rejects.toMatchObject({ code: 'bad-bind' });
});

const targets = fc.array(fc.array(fc.constantFrom('a', 'b', 'ab', 'a b'), { maxLength: 3 }).map((parts) => `/${parts.join('/')}`));

test('targets are nested where one lies below another', () => {
  fc.assert(
    fc.property(targets, (all) => {
      const below = (target: string, outer: string): boolean => target !== outer && target.startsWith(outer === '/' ? '/' : `${outer}/`);
      expect(hasNested(all)).toBe(all.some((target) => all.some((outer) => below(target, outer))));
    }),
  );
});

test('targets are not compared each with each: that of so many would not end in the time of a test', () => {
  const many = Array.from({ length: 100_000 }, (_, index) => `/${'a/'.repeat(400)}${index}`);
  expect(hasNested(many)).toBe(false);
});
