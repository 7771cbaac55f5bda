import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { make } from '../../rig/compile.ts';
import { applySteps, listPaths, treeSteps } from '../../rig/random-tree.ts';
import { lettersIn } from '../../rig/tree-records.ts';
import { walkBoth } from '../../rig/tree-walk.ts';

let directory: string;
let program: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-changes-'));
  program = join(await make('tree'), 'isolate-tree');
});
afterAll(() => rmSync(directory, { recursive: true }));

const runs = Number(process.env['ISOLATE_TEST_RUNS'] ?? 40);

test('two trees differ in what an independent walk finds, and in nothing else', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(treeSteps, treeSteps, (first, second) => {
      const [base, other] = [join(directory, 'base'), join(directory, 'other')];
      for (const path of [base, other]) rmSync(path, { recursive: true, force: true });
      mkdirSync(base);
      applySteps(base, first);
      execFileSync('cp', ['-a', base, other]);
      applySteps(other, second);
      const expected = walkBoth(base, other);
      expect(compare([base, other])).toEqual(expected);
      // Of paths that are said to have changed, it reports those that have; and what says nothing of a path says nothing of its children.
      const paths = expected.map(([path]) => path);
      expect(compare(['--paths', base, other], [...paths, ...listPaths(base).slice(0, 5)])).toEqual(expected);
    }),
    { numRuns: runs },
  );
});

test('the upper layer of an overlay says what was changed in it', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(treeSteps, treeSteps, (first, second) => {
      const [base, upper, work, merged] = ['base', 'upper', 'work', 'merged'].map((name) => join(directory, 'layers', name));
      rmSync(join(directory, 'layers'), { recursive: true, force: true });
      for (const path of [base, upper, work, merged]) mkdirSync(path ?? '', { recursive: true });
      applySteps(base ?? '', first);
      execFileSync('mount', [
        '-t',
        'overlay',
        'overlay',
        '-o',
        `lowerdir=${base},upperdir=${upper},workdir=${work},redirect_dir=off,metacopy=off`,
        merged ?? '',
      ]);
      let expected;
      try {
        applySteps(merged ?? '', second);
        expected = walkBoth(base ?? '', merged ?? '');
      } finally {
        execFileSync('umount', [merged ?? '']);
      }
      expect(compare(['--layer=trusted', base ?? '', upper ?? ''])).toEqual(expected);
    }),
    { numRuns: runs },
  );
});

/** Paths and letters. */
function compare(words: readonly string[], paths: readonly string[] = []): readonly (readonly [string, string])[] {
  const input = Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');
  return lettersIn(execFileSync(program, ['compare', ...words], { encoding: 'latin1', maxBuffer: 1e9, input }));
}
