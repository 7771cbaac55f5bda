import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { formatHolder, readHolder, readOwnHolder } from '../../../src/pool/holder.ts';
import { makeScratch } from '../../../src/template/scratch-directory.ts';

it('a place where none can be made is named', () => {
  const parent = join(mkdtempSync(join(tmpdir(), 'scratch-')), 'missing');
  expect(() => makeScratch(parent)).toThrow(`No directory can be made in ${parent}: it does not exist and cannot be made.`);
});

it('a scratch directory is its maker’s alone, and goes when it is removed or when its maker was killed', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'scratch-'));
  const process = spawn('sleep', ['1000']);
  const dead = readHolder(process.pid!)!;
  process.kill('SIGKILL');
  await once(process, 'exit');
  const namespace = readlinkSync('/proc/self/ns/pid').replaceAll(/[^0-9]/g, '');
  const living = `isolate-image-${namespace}.${formatHolder(readOwnHolder())}.abcdef`;
  const elsewhere = `isolate-image-1.${formatHolder(dead)}.abcdef`;
  for (const name of [`isolate-image-${namespace}.${formatHolder(dead)}.abcdef`, living, elsewhere, 'isolate-image-other']) {
    mkdirSync(join(parent, name));
    writeFileSync(join(parent, name, 'blob'), 'x');
  }
  const scratch = makeScratch(parent);
  const { mode } = statSync(scratch.path);
  const during = new Set(readdirSync(parent));
  scratch.remove();
  expect({ mode: (mode & 0o7777).toString(8), during, after: new Set(readdirSync(parent)) }).toEqual({
    mode: '700',
    during: new Set([living, elsewhere, 'isolate-image-other', scratch.path.slice(parent.length + 1)]),
    after: new Set([living, elsewhere, 'isolate-image-other']),
  });
});
