import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, expect, test } from 'vitest';

import { isolatePath } from '../rig/isolate.ts';

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'own-files-'));
  chmodSync(copy, 0o755);
  cpSync(dirname(isolatePath), join(copy, 'dist'), { recursive: true });
  symlinkSync(realpathSync(join(import.meta.dirname, '../../node_modules')), join(copy, 'node_modules'));
  return () => rmSync(copy, { recursive: true });
});

interface Survey {
  readonly checks: readonly { readonly id: string; readonly state: string; readonly fact: string; readonly hint?: string }[];
}

function ownFiles(): Survey['checks'][number] | undefined {
  const { stdout } = spawnSync(join(copy, 'dist/isolate'), ['doctor', '--json'], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } });
  return (JSON.parse(stdout) as Survey).checks.find(({ id }) => id === 'own-files');
}

test('doctor warns root of a build that somebody else can change', () => {
  chownSync(copy, 54_321, 54_321);
  expect(ownFiles()).toEqual({
    id: 'own-files',
    state: 'limited',
    fact: `${copy} can be written by user 54321, and root runs isolate from there`,
    hint: 'keep the build where only root can write, such as /opt/isolate',
  });
});

test('doctor accepts a build that only root can change', () => {
  expect(ownFiles()).toMatchObject({ state: 'ok' });
});

test('the daemon warns in its log of a build that somebody else can change', async () => {
  chmodSync(join(copy, 'dist/isolate.cjs'), 0o666);
  const child = spawn(join(copy, 'dist/isolate'), ['serve'], { env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
  const warnings: unknown[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    const { event, level, msg } = JSON.parse(line) as Record<string, unknown>;
    if (event === 'own-files') warnings.push([level, msg]);
    if (event === 'started') break;
  }
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  expect(warnings).toEqual([['warn', `${join(copy, 'dist/isolate.cjs')} can be written by everyone, and root runs isolate from there.`]]);
});
