import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { callerFacts } from '../../../src/run/caller-facts.ts';
import { removeTree } from '../../../src/run/remove-tree.ts';

/** The processes that remove this tree now. */
function removers(tree: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      return words[0]?.endsWith('rm') === true && words.includes(tree) ? [Number(name)] : [];
    } catch {
      // It has ended.
      return [];
    }
  });
}

test('a tree is removed although somebody kills the rm that removes it', { timeout: 60_000 }, async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'isolate-remove-tree-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  const tree = join(scratch, 'tree');
  mkdirSync(tree);
  // Enough that rm is still at it when it is found; a file has at most 65,000 names on ext4.
  for (const file of ['a', 'b', 'c'].map((name) => join(tree, name))) {
    writeFileSync(file, '');
    for (let index = 0; index < 40_000; index += 1) linkSync(file, `${file}${index}`);
  }
  const facts = await callerFacts();
  let killed = 0;
  let isOver = false;
  const removed = removeTree(tree, facts).finally(() => (isOver = true));
  while (killed === 0 && !isOver) {
    const [pid] = removers(tree);
    if (pid !== undefined) killed += process.kill(pid, 'SIGKILL') ? 1 : 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await removed;
  expect({ killed, left: existsSync(tree) }).toEqual({ killed: 1, left: false });
});
