import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';

import { compileStatic } from '../../rig/compile.ts';
import { tarOf } from '../../rig/tar.ts';
import { buildTree, newDirectory, runTree } from './rig.ts';

let program: string;
let swapper: string;
beforeAll(async () => {
  program = await buildTree();
  swapper = await compileStatic(join(import.meta.dirname, '../../rig/swap-names.c'));
}, 300_000);

const racers: ChildProcess[] = [];
afterEach(() => {
  for (const racer of racers.splice(0)) racer.kill('SIGKILL');
});

const secret = 'what is outside';

interface Arena {
  /** Beneath it a process exchanges the directory `a/d` and the link `a/l`, which leads to `outside`. */
  readonly root: string;
  readonly outside: string;
  readonly rounds: () => number;
}

function openArena(): Arena {
  const parent = newDirectory('arena');
  const [root, outside] = [join(parent, 'root'), join(parent, 'outside')];
  mkdirSync(join(root, 'a/d/e'), { recursive: true });
  mkdirSync(join(outside, 'e'), { recursive: true });
  for (const directory of ['', 'e/']) {
    writeFileSync(join(outside, `${directory}f`), secret);
    writeFileSync(join(root, `a/d/${directory}f`), 'inside');
  }
  symlinkSync(outside, join(root, 'a/l'));
  const racer = spawn(swapper, [join(root, 'a/d'), join(root, 'a/l')], { stdio: ['ignore', 'pipe', 'ignore'] });
  racers.push(racer);
  let rounds = 0;
  racer.stdout.on('data', (chunk: Buffer) => (rounds = Number(chunk.toString().trim().split('\n').at(-1))));
  return { root, outside, rounds: () => rounds };
}

/** Calls `act` again and again while the names change 10,000 times, and at least 50 times. */
async function race({ rounds }: Arena, act: () => void): Promise<void> {
  for (let calls = 0; calls < 50 || rounds() < 10_000; calls += 1) {
    act();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** All that is outside: nothing of it was written, and nothing is beside it. */
function describeOutside({ outside }: Arena): unknown {
  return [
    readdirSync(outside, { recursive: true, encoding: 'utf8' }).toSorted(),
    readFileSync(join(outside, 'f'), 'utf8'),
    readFileSync(join(outside, 'e/f'), 'utf8'),
  ];
}

const untouched = [['e', 'e/f', 'f'], secret, secret];

test.each([
  ['pack', (root: string) => ['pack', root, 'a', 'a'], ''],
  ['pack of a path', (root: string) => ['pack', root, 'a/d/e', 'e'], ''],
  ['read', (root: string) => ['read', root, '1000'], 'a/d/f\0a/d/e/f\0a/l/f\0a/l/e/f\0'],
  ['compare', (root: string) => ['compare', newDirectory('empty'), root], ''],
] as const)('%s reads nothing outside while directories become links', async (_name, words, input) => {
  const arena = openArena();
  const seen = new Set<boolean>();
  await race(arena, () => {
    const { status, stdout } = runTree(program, words(arena.root), input);
    expect(status).toBeOneOf([0, 2, 3]);
    expect(stdout.includes(secret)).toBe(false);
    seen.add(stdout.includes('inside') || stdout.includes('a/d/e/f'));
  });
  // It met the directory, too.
  expect(seen.has(true)).toBe(true);
});

test('copy reads nothing outside while directories become links', async () => {
  const arena = openArena();
  const copies = newDirectory('copies');
  let calls = 0;
  await race(arena, () => {
    calls += 1;
    expect(runTree(program, ['copy', arena.root, 'a', copies, String(calls)]).status).toBeOneOf([0, 2]);
  });
  expect(execFileSync('grep', ['-r', '-l', '-c', 'inside', copies]).length).toBeGreaterThan(0);
  expect(() => execFileSync('grep', ['-r', '-q', secret, copies])).toThrow('Command failed');
});

test('unpack writes nothing outside while directories become links', async () => {
  const arena = openArena();
  const archive = tarOf([
    { path: 'd/g', content: 'new' },
    { path: 'd/e/g', content: 'new' },
    { path: 'd/n/' },
    { path: 'd/n/g', content: 'new' },
    { path: 'd/h', type: '1', target: 'd/g' },
  ]);
  await race(arena, () => {
    expect(runTree(program, ['unpack', '--archive', arena.root, 'a'], archive).status).toBeOneOf([0, 2, 3]);
  });
  expect(describeOutside(arena)).toEqual(untouched);
});

test('remove removes nothing outside while directories become links', async () => {
  const arena = openArena();
  await race(arena, () => {
    for (const path of ['a/d/e', 'a/l/e', 'a/d/f']) expect(runTree(program, ['remove', arena.root, path]).status).toBeOneOf([0, 2, 3]);
  });
  expect(describeOutside(arena)).toEqual(untouched);
});

test('exchange takes nothing from outside while directories become links', async () => {
  const arena = openArena();
  writeFileSync(join(arena.root, 'mine'), 'mine');
  await race(arena, () => {
    expect(runTree(program, ['exchange', arena.root, 'mine', arena.root, 'a/d/f']).status).toBeOneOf([0, 2, 3]);
  });
  expect(describeOutside(arena)).toEqual(untouched);
});

test('a file that becomes longer and shorter is read at one of its lengths, or said to have changed', async () => {
  const root = newDirectory('root');
  const file = join(root, 'log');
  writeFileSync(file, 'x'.repeat(4_000_000));
  const script = `while :; do truncate -s 1000 ${file}; head -c 4000000 /dev/zero | tr '\\0' x > ${file}.new; cat ${file}.new >> ${file}; done`;
  const racer = spawn('/bin/sh', ['-c', script], { stdio: 'ignore', detached: true });
  try {
    for (let calls = 0; calls < 60; calls += 1) {
      const { status, stdout, stderr } = runTree(program, ['pack', root, 'log', 'log']);
      if (status === 0) expect(execFileSync('tar', ['-xO'], { input: stdout, maxBuffer: 2 ** 26 }).includes('\0')).toBe(false);
      else expect({ status, stderr }).toEqual({ status: 2, stderr: 'log: it became shorter while it was read\n' });
    }
  } finally {
    if (racer.pid !== undefined) process.kill(-racer.pid, 'SIGKILL');
  }
  truncateSync(file, 0);
});
