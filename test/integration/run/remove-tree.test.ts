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

/** Says whether it was still there. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

test('a tree is removed although somebody kills the rm that removes it', async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'isolate-remove-tree-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  const tree = join(scratch, 'tree');
  const facts = await callerFacts();
  // An rm that ended before it was found shows nothing.
  for (let isKilled = false; !isKilled;) {
    mkdirSync(tree);
    // Enough that rm is still at it when it is found; a file has at most 65,000 names on ext4.
    for (const file of ['a', 'b', 'c'].map((name) => join(tree, name))) {
      writeFileSync(file, '');
      for (let index = 0; index < 40_000; index += 1) linkSync(file, `${file}${index}`);
    }
    let isOver = false;
    const removed = removeTree(tree, facts).finally(() => (isOver = true));
    while (!isKilled && !isOver) {
      const [pid] = removers(tree);
      if (pid !== undefined) isKilled = kill(pid);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await removed;
    expect(existsSync(tree)).toBe(false);
  }
});
