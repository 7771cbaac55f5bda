import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { make } from '../../rig/compile.ts';
import { applySteps, listPaths, treeSteps } from '../../rig/random-tree.ts';
import { walkBoth } from '../../rig/tree-walk.ts';

let directory: string;
let program: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isolate-changes-'));
  program = join(await make('tree'), 'isolate-tree');
});
afterAll(() => rmSync(directory, { recursive: true }));

const runs = Number(process.env['ISOLATE_TEST_RUNS'] ?? 40);

test('a copy has everything that its source has', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(treeSteps, (steps) => {
      const [from, to] = [join(directory, 'from'), join(directory, 'to')];
      for (const path of [from, to]) {
        rmSync(path, { recursive: true, force: true });
        mkdirSync(path);
      }
      applySteps(from, steps);
      execFileSync(program, ['copy', from, '.', to, '.']);
      expect(walkBoth(from, to)).toEqual([]);
      expect(describe(to)).toEqual(describe(from));
    }),
    { numRuns: runs },
  );
});

test('an archive has everything of its source but devices and what is of the host', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(treeSteps, (steps) => {
      const [from, to] = [join(directory, 'from'), join(directory, 'to')];
      for (const path of [from, to]) {
        rmSync(path, { recursive: true, force: true });
        mkdirSync(path);
      }
      applySteps(
        from,
        steps.filter(({ what }) => what !== 'device' && what !== 'attribute'),
      );
      const archive = execFileSync(program, ['pack', from, '.', '.'], { maxBuffer: 2 ** 28 });
      execFileSync(program, ['unpack', '--archive', '--contents', to, '.'], { input: archive });
      expect(walkBoth(from, to)).toEqual([]);
      expect(describe(to)).toEqual(describe(from));
    }),
    { numRuns: runs },
  );
});

/** What a walk for differences does not look at: times, and which names are of one file. */
function describe(root: string): readonly unknown[] {
  const first = new Map<bigint, string>();
  return ['.', ...listPaths(root)].toSorted().map((path) => {
    const { ino, mtimeNs } = lstatSync(Buffer.from(`${root}/${path}`, 'latin1'), { bigint: true });
    if (!first.has(ino)) first.set(ino, path);
    return [path, mtimeNs, first.get(ino)];
  });
}
