import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { mountScratch, tool } from '../../rig/disk.ts';
import { lettersIn } from '../../rig/tree-records.ts';
import { buildTree, newDirectory, runTree } from './rig.ts';

let program: string;
beforeAll(async () => {
  program = await buildTree();
}, 300_000);

/** 2026-11-29T12:00:00Z, as the clock has it and as debugfs(8) reads it. */
const changed = { seconds: 1_795_953_600, digits: '20261129120000' };

/** Two file systems of which one is a copy of the other, but for the content of one file, whose time of change is the same. */
async function makeSameTimes(): Promise<readonly [string, string]> {
  const place = newDirectory('same-second');
  const [base, other] = [join(place, 'base'), join(place, 'other')];
  for (const directory of [base, other]) mkdirSync(directory);
  await mountScratch('ext4', `${base}.image`, base);
  writeFileSync(join(base, 'file'), 'one');
  await tool('/bin/umount', base);
  copyFileSync(`${base}.image`, `${other}.image`);
  await tool('/bin/mount', '-o', 'loop', `${other}.image`, other);
  writeFileSync(join(other, 'file'), 'two');
  await tool('/bin/umount', other);
  for (const directory of [base, other]) {
    for (const field of [`ctime ${changed.digits}`, 'ctime_extra 0'])
      await tool('/sbin/debugfs', '-w', '-R', `set_inode_field /file ${field}`, `${directory}.image`);
    await tool('/bin/mount', '-o', 'loop', `${directory}.image`, directory);
    onTestFinished(() => tool('/bin/umount', directory));
  }
  return [base, other];
}

test('a file that was changed when the snapshot was made is compared, though its time of change is the same', async () => {
  const [base, other] = await makeSameTimes();
  const compare = (since: number): readonly unknown[] =>
    lettersIn(runTree(program, ['compare', `--same-inodes=${since}`, base, other]).stdout.toString('latin1'));
  const differs = [['file', 'c']];
  expect([0, changed.seconds, changed.seconds + 1, changed.seconds + 2].map(compare)).toEqual([differs, differs, differs, []]);
});

test.each(['--same-inodes', '--same-inodes=', '--same-inodes=-1', '--same-inodes=1x'])('%s is refused', (option) => {
  expect(runTree(program, ['compare', option, '/', '/'])).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('usage') as string,
  });
});
