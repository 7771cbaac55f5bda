import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { idsOfTrees, planTreeProgram, startTree } from '../../../src/run/tree-program.ts';
import { callerContext } from '../../../src/template/context.ts';
import { compileStatic } from '../../rig/compile.ts';

test('isolate-tree sees its trees and nothing else, and can change nothing of the host', async () => {
  const { facts } = await callerContext();
  const program = await compileStatic(join(import.meta.dirname, '../../rig/describe-sandbox.c'));
  const describing = { ...facts, files: { ...facts.files, tree: program } };
  const source = mkdtempSync(join(tmpdir(), 'tree-'));
  const trees = [{ source, inside: '/tree', writable: false }];
  const { stdout, result } = await startTree(facts, planTreeProgram(describing, [], { trees, userNamespace: idsOfTrees(facts) }));
  let said = '';
  for await (const chunk of stdout) said += String(chunk);
  expect({ said: said.trimEnd().split('\n'), ...(await result) }).toEqual({
    said: [
      '/proc',
      '/tree',
      'NoNewPrivs:\t1',
      'Seccomp:\t2',
      '/proc/sys/kernel/core_pattern: Read-only file system',
      '/new: Read-only file system',
      '/tree/new: Read-only file system',
    ],
    status: 0,
    lines: [],
  });
});
