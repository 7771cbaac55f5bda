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
import { descendants, signalProcess } from '../../rig/process-tree.ts';

/** So many that it still copies them when it is stopped. */
const count = 10_000;

function fill(directory: string, text: string): void {
  mkdirSync(directory);
  for (let index = 0; index < count; index += 1) writeFileSync(join(directory, `f${index}`), text);
}

test('what changes a template while it is copied gets nothing of the host into the copy', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'isolate-copy-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const host = join(directory, 'host');
  fill(host, 'host');
  for (let attempt = 0; ; attempt += 1) {
    const copied = await copyChanging(join(directory, `store${attempt}`), host);
    // A copy that was complete before it could be stopped shows nothing.
    if (copied === null) continue;
    expect(copied).toEqual({ end: 'done', texts: ['guest'] });
    return;
  }
});

/** Exchanges the directory that is being copied for a link to `host`; null where the copy had all of it by then. */
async function copyChanging(store: string, host: string): Promise<{ readonly end: string; readonly texts: readonly string[] } | null> {
  await mkdir(join(store, 't'), { recursive: true });
  fill(join(store, 't/a'), 'guest');
  await symlink(host, join(store, 't/b'));
  const context = await callerContext();
  const copied = async (): Promise<number> => {
    const draft = (await readdir(store)).find((name) => name.startsWith('.t.new-'));
    return draft === undefined ? 0 : (await readdir(join(store, draft, 'tree/a')).catch(() => [])).length;
  };
  let isOver = false;
  const copying = changeTemplate({ kind: 'directory', path: join(store, 't') }, context, (template) => template.snapshot('s'))
    .then(
      () => 'done',
      (error: unknown) => (error instanceof IsolateError ? error.code : String(error)),
    )
    .finally(() => (isOver = true));
  while ((await copied()) === 0 && !isOver) await turn();
  // As a run on the template can do at any moment.
  const program = descendants(process.pid).find(({ command }) => command.startsWith('/proc/self/fd/4 copy '));
  const isMet = program !== undefined && signalProcess(program.pid, 'SIGSTOP') && (await copied()) < count;
  if (isMet) await exchange(context, join(store, 't/a'), join(store, 't/b'));
  if (program !== undefined) signalProcess(program.pid, 'SIGCONT');
  const end = await copying;
  if (!isMet) return null;
  const names = await readdir(join(store, '.t@s/tree/a')).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(store, '.t@s/tree/a', name), 'utf8')));
  return { end, texts: [...new Set(texts)] };
}
