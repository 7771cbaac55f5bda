import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { callerContext } from '../../../src/template/context.ts';
import { changeTemplate, openStore } from '../../../src/template/open-store.ts';
import type { TemplateStore } from '../../../src/template/store.ts';

/** A directory for templates, and what is done with those in it. */
async function makeShelf(): Promise<{
  readonly path: string;
  readonly make: (name: string) => Promise<void>;
  readonly change: <T>(name: string, action: (store: TemplateStore) => Promise<T>) => Promise<T>;
  readonly labels: (name: string) => Promise<readonly string[]>;
}> {
  const path = await mkdtemp(join(tmpdir(), 'isolate-odd-'));
  onTestFinished(() => rm(path, { recursive: true }));
  const context = await callerContext();
  const refOf = (name: string): { readonly kind: 'directory'; readonly path: string } => ({ kind: 'directory', path: join(path, name) });
  return {
    path,
    make: async (name) => {
      await mkdir(join(path, name));
      await writeFile(join(path, name, 'state'), name);
    },
    change: (name, action) => changeTemplate(refOf(name), context, action),
    labels: async (name) => (await openStore(refOf(name), context).snapshots()).map(({ label }) => label),
  };
}

const codeOf = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'done',
    (error: unknown) => (error instanceof IsolateError ? error.code : String(error)),
  );

test('a template with an @ in its name has its snapshots, and they are removed with it', async () => {
  const { path, make, change, labels } = await makeShelf();
  await make('a@b');
  await change('a@b', (store) => store.snapshot('first'));
  expect(await labels('a@b')).toEqual(['first']);
  await change('a@b', (store) => store.remove());
  expect(await readdir(path)).toEqual([]);
});

test('a link to a template is not changed in its place', async () => {
  const { path, make, change } = await makeShelf();
  await make('real');
  await symlink('real', join(path, 'link'));
  const actions: readonly ((store: TemplateStore) => Promise<unknown>)[] = [
    (store) => store.snapshot('s'),
    (store) => store.attempt(),
    (store) => store.open(),
    (store) => store.remove(),
  ];
  for (const action of actions) expect(await codeOf(change('link', action))).toBe('template-not-filesystem');
  expect((await readdir(path)).toSorted()).toEqual(['link', 'real']);
});

test('a template does not get the name of one of which there are snapshots', async () => {
  const { path, make, change, labels } = await makeShelf();
  await make('gone');
  await change('gone', (store) => store.snapshot('first'));
  await rm(join(path, 'gone'), { recursive: true });
  await make('other');
  await change('other', (store) => store.snapshot('first'));
  expect(await codeOf(change('other', (store) => store.rename({ kind: 'directory', path: join(path, 'gone') })))).toBe('template-exists');
  expect([await labels('other'), await labels('gone')]).toEqual([['first'], ['first']]);
  await change('other', (store) => store.snapshot('second'));
});

test('a template that is a mount point stays as it is, with its snapshots', async () => {
  const { path, make, change } = await makeShelf();
  await make('t');
  execFileSync('mount', ['--bind', join(path, 't'), join(path, 't')]);
  onTestFinished(() => void execFileSync('umount', [join(path, 't')]));
  await change('t', (store) => store.snapshot('first'));
  await writeFile(join(path, 't/state'), 'second');
  const actions: readonly ((store: TemplateStore) => Promise<unknown>)[] = [
    (store) => store.rollback('first'),
    (store) => store.rename({ kind: 'directory', path: join(path, 'u') }),
    (store) => store.remove(),
  ];
  for (const action of actions) {
    expect(await codeOf(change('t', action))).toBe('storage-failed');
    expect((await readdir(path)).toSorted()).toEqual(['.t@first', 't']);
  }
  expect(await readFile(join(path, 't/state'), 'utf8')).toBe('second');
});
