import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { openShelf } from '../../../src/pool/shelf.ts';
import { gatePath } from '../../rig/gate.ts';
import { isMounted, makeClone, makePlace } from '../../rig/shelf.ts';

test('what is on the shelf is still found when the coprocess is killed, and another one does the next command', async () => {
  const { shelf: directory, clones } = makePlace();
  const [first, second] = [makeClone(clones, '1'), makeClone(clones, '2')];
  const warnings: string[] = [];
  const shelf = openShelf({ gate: await gatePath(), directory, warn: (message) => warnings.push(message) });
  onTestFinished(shelf.end);
  await shelf.put(first);
  execFileSync('pkill', ['-KILL', '--parent', String(process.pid), '--full', `isolate-gate shelf ${directory}`]);
  const read = (path: string): string => readFileSync(join(shelf.find(path), 'file'), 'utf8');
  expect({ isOpen: shelf.isOpen(), file: read(first), mounted: isMounted(first) }).toEqual({ isOpen: true, file: '1', mounted: false });
  // Until its end is noticed a command fails.
  await expect.poll(() => shelf.take(first).catch(String)).toBe('taken');
  await shelf.put(second);
  expect({ files: [read(first), read(second)], mounted: [first, second].map(isMounted), warnings }).toEqual({
    files: ['1', '2'],
    mounted: [true, false],
    warnings: [],
  });
  expect({ names: shelf.list(clones), again: await shelf.take(first) }).toEqual({ names: ['2'], again: 'not-there' });
});

test('where no shelf can be made clones stay on the host, and one warning says so', async () => {
  const { shelf: directory, clones } = makePlace();
  const [first, second] = [makeClone(clones, '1'), makeClone(clones, '2')];
  writeFileSync(directory, '');
  const warnings: string[] = [];
  const shelf = openShelf({ gate: await gatePath(), directory, warn: (message) => warnings.push(message) });
  onTestFinished(shelf.end);
  for (const path of [first, second]) await shelf.put(path);
  expect({ found: shelf.find(first), mounted: [first, second].map(isMounted), warnings }).toEqual({
    found: first,
    mounted: [true, true],
    warnings: [`${first} stays mounted on the host, which slows down whatever copies its mounts: not a directory.`],
  });
});

test('a command whose coprocess ended before it could be given to it fails, instead of waiting for an answer', async () => {
  const { shelf: directory, clones } = makePlace();
  const gate = `${directory}-gate`;
  writeFileSync(gate, '#!/bin/sh\nread -r command\n', { mode: 0o755 });
  const warnings: string[] = [];
  const shelf = openShelf({ gate, directory, warn: (message) => warnings.push(message) });
  const first = makeClone(clones, '1');
  await shelf.put(first);
  expect({ mounted: isMounted(first), warnings }).toEqual({ mounted: true, warnings: [expect.stringContaining('no such process')] });
});

test('a coprocess that does not answer is given up, with all that waits for it', async () => {
  const { shelf: directory, clones } = makePlace();
  const gate = `${directory}-gate`;
  writeFileSync(gate, '#!/bin/sh\nread -r command\necho 2\nexec sleep 600\n', { mode: 0o755 });
  const warnings: string[] = [];
  const shelf = openShelf({ gate, directory, timeoutMs: 300, warn: (message) => warnings.push(message) });
  const [first, second] = [makeClone(clones, '1'), makeClone(clones, '2')];
  await Promise.all([shelf.put(first), shelf.drop([second])]);
  expect({ mounted: [first, second].map(isMounted), warnings }).toEqual({
    mounted: [true, true],
    warnings: [expect.stringContaining('no such process')],
  });
});
