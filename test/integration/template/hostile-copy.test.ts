import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { callerContext } from '../../../src/template/context.ts';
import { exchange } from '../../../src/template/directory/exchange.ts';
import { changeTemplate } from '../../../src/template/open-store.ts';

const count = 2000;

async function fill(directory: string, text: string): Promise<void> {
  await mkdir(directory);
  for (let index = 0; index < count; index += 1) await writeFile(join(directory, `f${index}`), text);
}

test('what changes a template while it is copied gets nothing of the host into the copy', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-copy-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const [store, host] = [join(directory, 'store'), join(directory, 'host')];
  await mkdir(join(store, 't'), { recursive: true });
  await fill(join(store, 't/a'), 'guest');
  await fill(host, 'host');
  await symlink(host, join(store, 't/b'));
  const context = await callerContext();
  const copied = async (): Promise<readonly string[]> => {
    const draft = (await readdir(store)).find((name) => name.startsWith('.t.new-'));
    return draft === undefined ? [] : await readdir(join(store, draft, 'tree/a')).catch(() => []);
  };
  const copying = changeTemplate({ kind: 'directory', path: join(store, 't') }, context, (template) => template.snapshot('s')).then(
    () => 'done',
    (error: unknown) => (error instanceof IsolateError ? error.code : String(error)),
  );
  let begun = 0;
  while (begun === 0) {
    await turn();
    begun = (await copied()).length;
  }
  // As a run on the template can do at any moment.
  await exchange(context, join(store, 't/a'), join(store, 't/b'));
  expect(begun).toBeLessThan(count);
  const end = await copying;
  const names = await readdir(join(store, '.t@s/tree/a')).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(store, '.t@s/tree/a', name), 'utf8')));
  expect({ end, texts: [...new Set(texts)] }).toEqual({ end: 'storage-failed', texts: [] });
});
