import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { run, sessions } from '../../../src/index.ts';
import { useOwnState } from '../../rig/own-store.ts';
import { busyboxRootfs } from '../../rig/rootfs.ts';

useOwnState();

let directory: string;
let root: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-library-'));
  root = await busyboxRootfs(join(directory, 'root'));
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true }));

const names = async (): Promise<readonly string[]> => (await sessions.list()).map(({ name }) => name);

test('a program keeps a root, goes on in it, reads what was changed, copies, and throws it away', { timeout: 120_000 }, async () => {
  const shell = (line: string): [string, ...string[]] => ['sh', '-c', line];
  await run({
    template: root,
    ephemeral: true,
    keep: 'first',
    command: shell('mkdir /new; echo one > /new/file; chmod 4755 /bin/busybox'),
  });
  expect(await sessions.list()).toMatchObject([{ name: 'first', inUse: false, engine: 'bwrap' }]);
  expect(await sessions.enter('first', { command: shell('echo two >> /new/file; exit 4') })).toEqual({ kind: 'exited', code: 4 });
  const paths: string[] = [];
  for await (const { path } of sessions.diff('first')) paths.push(path);
  expect(paths).toEqual(['bin/busybox', 'new', 'new/file']);
  expect((await sessions.report('first', { paths: ['bin'] })).findings).toMatchObject([{ risk: 'high' }]);

  mkdirSync(join(directory, 'out'));
  expect(await sessions.copy('first:/new', join(directory, 'out'))).toBe(2);
  expect(readFileSync(join(directory, 'out/new/file'), 'utf8')).toBe('one\ntwo\n');
  writeFileSync(join(directory, 'in'), 'three\n');
  await sessions.copy(join(directory, 'in'), 'first:/new/file');
  const output = new PassThrough();
  const archive = text(output);
  await sessions.copy('first:/new/file', '-', { output });
  output.end();
  expect(await archive).toContain('three\n');

  await sessions.rename('first', 'second');
  await expect(sessions.rename('first', 'third')).rejects.toMatchObject({ code: 'session-missing' });
  await expect(sessions.enter('first', { command: ['true'] })).rejects.toMatchObject({ code: 'session-missing' });
  expect(await names()).toEqual(['second']);
  await sessions.remove(['second']);
  expect(await names()).toEqual([]);
});
