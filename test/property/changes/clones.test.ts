import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCommand } from '../../../src/process/command.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';
import { openStorage } from '../../../src/storage/registry.ts';
import { make } from '../../rig/compile.ts';
import { mountScratch, tool } from '../../rig/disk.ts';
import { applySteps, treeSteps } from '../../rig/random-tree.ts';
import { lettersIn } from '../../rig/tree-records.ts';
import { walkBoth } from '../../rig/tree-walk.ts';

const runs = Number(process.env['ISOLATE_TEST_RUNS'] ?? 40);
const id = '1795312244000000001';

describe.each([
  ['btrfs', 'btrfs'],
  ['dir', 'btrfs'],
  ['dir', 'xfs'],
] as const)('a clone by %s on %s', (storage, type) => {
  let directory: string;
  let disk: string;
  let program: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'isolate-changes-'));
    disk = join(directory, 'disk');
    mkdirSync(disk);
    await mountScratch(type, join(directory, 'image'), disk);
    program = join(await make('tree'), 'isolate-tree');
  });
  afterAll(async () => {
    await tool('/bin/umount', disk);
    rmSync(directory, { recursive: true });
  });

  test('is at first what the template is, and then differs in what an independent walk finds', { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(treeSteps, treeSteps, async (first, second) => {
        const template = join(disk, 'template');
        if (storage === 'btrfs') await tool('/bin/btrfs', 'subvolume', 'create', template);
        else mkdirSync(template);
        applySteps(template, first);
        const driver = await openStorage(
          { kind: 'directory', path: template, write: 'clone', storage },
          {
            tools: { zfs: null, zpool: null },
            run: runCommand,
            runWithIds: runCommand,
            stateDirectory: join(directory, 'state'),
            canIdmap: () => false,
            removeTree: (path) => tool('/bin/rm', '-r', path),
            measureTree: async () => 0,
            copyTree: (from, to) => tool(program, 'copy', '--reflink', from, '.', to, '.'),
            tree: program,
          },
        );
        const [made] = await driver.create(await driver.newestSource(), [id], { owners: null, mountDirectory: '/nonexistent' });
        if (made?.ok !== true) throw made?.error ?? new Error('not made');
        const clone = placeOf(made.rootfs);
        expect(walkBoth(template, clone)).toEqual([]);
        applySteps(clone, second);
        const places = { makeBase: () => Promise.reject(new Error('No base is made.')), mountDirectory: '/nonexistent' };
        const { base, other, form } = await driver.openChanges(made.clone, clone, places);
        const options =
          form.kind === 'trees' && form.sameInodesSinceMs !== null ? [`--same-inodes=${Math.floor(form.sameInodesSinceMs / 1000)}`] : [];
        expect(lettersIn(execFileSync(program, ['compare', ...options, base, other], { encoding: 'latin1' }))).toEqual(
          walkBoth(template, clone),
        );
        expect(await driver.destroy([made.clone])).toEqual([{ id, outcome: 'gone' }]);
        rmSync(template, { recursive: true });
      }),
      { numRuns: runs },
    );
  });
});
