import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { isolate } from '../../rig/isolate.ts';
import { pinnedNode } from '../../rig/pinned-node.ts';
import { applySteps, treeSteps } from '../../rig/random-tree.ts';
import { busyboxRootfs } from '../../rig/rootfs.ts';
import { unquote } from '../../rig/unquote.ts';
import { makeZfsTemplate, type ZfsTemplate } from '../../rig/zfs-template.ts';

let work: string;
let zfs: ZfsTemplate;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'isolate-session-'));
  zfs = await makeZfsTemplate();
}, 60_000);
afterAll(async () => {
  await zfs.pool.end();
  rmSync(work, { recursive: true, force: true });
});

const runs = Number(process.env['ISOLATE_TEST_RUNS'] ?? 12);
let count = 0;

test('the changes of a session on an overlay are those that an independent walk finds', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(treeSteps, treeSteps, async (first, second) => {
      count += 1;
      const template = await busyboxRootfs(join(work, `template-${count}`));
      mkdirSync(join(template, 'srv'));
      applySteps(join(template, 'srv'), first);
      await check(['-t', template, '--ephemeral'], second);
      rmSync(template, { recursive: true });
    }),
    { numRuns: runs },
  );
});

test('the changes of a session on a dataset are those that an independent walk finds', { timeout: 600_000 }, async () => {
  const below = join(zfs.directory, 'srv');
  await fc.assert(
    fc.asyncProperty(treeSteps, treeSteps, async (first, second) => {
      count += 1;
      rmSync(below, { recursive: true, force: true });
      mkdirSync(below);
      applySteps(below, first);
      await zfs.snapshot(`s${count}`);
      await check(['-z', zfs.dataset, '--wait', '60'], second);
    }),
    { numRuns: Math.ceil(runs / 3) },
  );
});

async function check(root: readonly string[], steps: unknown): Promise<void> {
  const [name, place] = [`session-${count}`, join(work, `run-${count}`)];
  mkdirSync(place);
  writeFileSync(join(place, 'steps.json'), JSON.stringify({ steps }));
  const hook = `${pinnedNode} ${join(import.meta.dirname, '../../rig/change-session.ts')} ${place}`;
  const { status, stderr } = await isolate(['-q', `--keep=${name}`, ...root, '--pre-hook', hook, 'true']);
  expect({ status, stderr: stderr.replace(/^isolate: This root is kept as .*\n/, '') }).toEqual({ status: 0, stderr: '' });
  const expected = JSON.parse(readFileSync(join(place, 'expected.json'), 'utf8')) as readonly (readonly [string, string])[];
  // A path keeps a moved directory from standing for what is in it.
  const found = readPorcelain((await isolate(['diff', name, '--porcelain', '/'])).stdout);
  expect(found).toEqual(expected);
  expect((await isolate(['rm', '-q', name])).status).toBe(0);
  execFileSync('rm', ['-rf', place]);
}

/** As the walk has them: a move is a deleted and an added path. */
function readPorcelain(text: string): readonly (readonly [string, string])[] {
  const found = text
    .split('\n')
    .slice(0, -1)
    .flatMap((line): (readonly [string, string])[] => {
      const letters = line.slice(0, 9).replaceAll('.', '');
      const [path = '', from] = line.slice(10).split('\t').map(unquote);
      if (from !== undefined)
        return [
          [from, '-'],
          [path, '+'],
        ];
      return [[path, letters]];
    });
  const key = (path: string): string => (path === '.' ? '' : path.replaceAll('/', '\0'));
  return found.toSorted(([one], [other]) => (key(one) < key(other) ? -1 : 1));
}
