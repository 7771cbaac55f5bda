import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { callerContext } from '../../../src/template/context.ts';
import { exchange } from '../../../src/template/directory/exchange.ts';
import { changeTemplate } from '../../../src/template/open-store.ts';
import { descendants } from '../../rig/process-tree.ts';

/** So many that it still copies them when it is stopped. */
const count = 10_000;

function fill(directory: string, text: string): void {
  mkdirSync(directory);
  for (let index = 0; index < count; index += 1) writeFileSync(join(directory, `f${index}`), text);
}

test('what changes a template while it is copied gets nothing of the host into the copy', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-copy-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const [store, host] = [join(directory, 'store'), join(directory, 'host')];
  await mkdir(join(store, 't'), { recursive: true });
  fill(join(store, 't/a'), 'guest');
  fill(host, 'host');
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
  while ((await copied()).length === 0) await turn();
  // As a run on the template can do at any moment.
  const program = descendants(process.pid).find(({ command }) => command.startsWith('/proc/self/fd/4 copy '));
  if (program === undefined) throw new Error('isolate-tree had ended before it could be stopped');
  process.kill(program.pid, 'SIGSTOP');
  await exchange(context, join(store, 't/a'), join(store, 't/b'));
  expect((await copied()).length).toBeLessThan(count);
  process.kill(program.pid, 'SIGCONT');
  const end = await copying;
  const names = await readdir(join(store, '.t@s/tree/a')).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(store, '.t@s/tree/a', name), 'utf8')));
  expect({ end, texts: [...new Set(texts)] }).toEqual({ end: 'done', texts: ['guest'] });
});
