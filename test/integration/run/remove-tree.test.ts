import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { callerFacts } from '../../../src/run/caller-facts.ts';
import { removeTree } from '../../../src/run/remove-tree.ts';
import { listProcesses, signalProcess } from '../../rig/process-tree.ts';

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
      const remover = listProcesses().find(({ command }) => /^\S*rm /.test(command) && command.endsWith(` ${tree}`));
      if (remover !== undefined) isKilled = signalProcess(remover.pid, 'SIGKILL');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await removed;
    expect(existsSync(tree)).toBe(false);
  }
});
