import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { mountSmallDisk } from '../../rig/small-disk.ts';
import { buildTree, newDirectory, runTree } from './rig.ts';

let program: string;
beforeAll(async () => {
  program = await buildTree();
}, 300_000);

const good = { status: 0, stderr: '' };

/** A shell is the quickest with relative paths. */
function makeDeep(root: string, depth: number): void {
  const script =
    'import os,sys\nos.chdir(sys.argv[1])\nfor i in range(int(sys.argv[2])):\n os.mkdir("d"); os.chdir("d")\nopen("leaf","w").write("x")';
  execFileSync('python3', ['-c', script, root, String(depth)]);
}

test('every verb can do with directories 10,000 deep', () => {
  const [root, other] = [newDirectory('deep'), newDirectory('copy')];
  makeDeep(root, 10_000);
  expect(runTree(program, ['copy', root, 'd', other, 'd'])).toMatchObject({ ...good, stdout: Buffer.from('10001 0 0\n') });
  expect(runTree(program, ['compare', root, other]).stdout.toString()).toBe('');
  expect(runTree(program, ['remove', other, 'd'])).toMatchObject(good);
  expect(readdirSync(other)).toEqual([]);
  const archive = runTree(program, ['pack', root, 'd', 'd']);
  expect(archive.status).toBe(0);
  expect(runTree(program, ['unpack', other, '.'], archive.stdout)).toMatchObject({ ...good, stdout: Buffer.from('10001 0\n') });
  expect(runTree(program, ['compare', root, other]).stdout.toString()).toBe('');
  for (const directory of [root, other]) expect(runTree(program, ['remove', directory, 'd'])).toMatchObject(good);
});

test('every verb can do with 100,000 names in a directory', () => {
  const [root, other] = [newDirectory('wide'), newDirectory('copy')];
  mkdirSync(join(root, 'w'));
  for (let i = 0; i < 100_000; i += 1) closeSync(openSync(join(root, 'w', String(i)), 'w'));
  const archive = runTree(program, ['pack', root, 'w', 'w']);
  expect(runTree(program, ['unpack', other, '.'], archive.stdout)).toMatchObject({ ...good, stdout: Buffer.from('100001 0\n') });
  expect(runTree(program, ['compare', root, other]).stdout.toString()).toBe('');
  for (const directory of [root, other]) expect(runTree(program, ['remove', directory, 'w'])).toMatchObject(good);
  expect(readdirSync(other)).toEqual([]);
});

test('a file of a terabyte with three bytes takes no time and no space', () => {
  const [root, other] = [newDirectory('huge'), newDirectory('copy')];
  const file = openSync(join(root, 'f'), 'w');
  for (const at of [0, 2 ** 35, 2 ** 40 - 1]) writeSync(file, 'x', at);
  closeSync(file);
  const archive = runTree(program, ['pack', root, 'f', 'f']);
  expect(archive.stdout.length).toBeLessThan(100_000);
  expect(runTree(program, ['unpack', other, '.'], archive.stdout)).toMatchObject(good);
  expect(runTree(program, ['copy', root, 'f', other, 'g'])).toMatchObject(good);
  for (const name of ['f', 'g']) {
    const { size, blocks } = statSync(join(other, name));
    expect({ size, small: blocks < 100 }).toEqual({ size: 2 ** 40, small: true });
  }
  rmSync(join(root, 'f'));
});

test('a file with more holes than an archive can have parts is copied, holes written out', () => {
  const [root, other] = [newDirectory('holes'), newDirectory('copy')];
  truncateSync(join(root, closeAfter(join(root, 'f'))), 0);
  const file = openSync(join(root, 'f'), 'w');
  for (let i = 0; i < 70_000; i += 1) writeSync(file, 'x', i * 8192);
  closeSync(file);
  const archive = runTree(program, ['pack', root, 'f', 'f']);
  expect(runTree(program, ['unpack', other, '.'], archive.stdout)).toMatchObject(good);
  execFileSync('cmp', [join(root, 'f'), join(other, 'f')]);
});

function closeAfter(path: string): string {
  closeSync(openSync(path, 'w'));
  return path.slice(path.lastIndexOf('/') + 1);
}

test('an attribute of 64 KiB is copied', () => {
  const disk = mountSmallDisk('tmpfs', '16M');
  try {
    const [root, other] = [join(disk.path, 'a'), join(disk.path, 'b')];
    for (const directory of [root, other]) mkdirSync(directory);
    writeFileSync(join(root, 'f'), '');
    execFileSync('python3', ['-c', 'import os,sys; os.setxattr(sys.argv[1], "user.large", b"\\0x" * 32768)', join(root, 'f')]);
    expect(runTree(program, ['copy', root, 'f', other, 'g'])).toMatchObject(good);
    const archive = runTree(program, ['pack', root, 'f', 'f']);
    expect(runTree(program, ['unpack', other, '.'], archive.stdout)).toMatchObject(good);
    const read = (path: string): Buffer =>
      execFileSync('python3', ['-c', 'import os,sys; sys.stdout.buffer.write(os.getxattr(sys.argv[1], "user.large"))', path]);
    for (const name of ['f', 'g']) expect(read(join(other, name)).equals(read(join(root, 'f')))).toBe(true);
  } finally {
    disk.end();
  }
});

test('pipes are never opened, and devices neither', () => {
  const [root, other] = [newDirectory('pipes'), newDirectory('copy')];
  execFileSync('/bin/sh', ['-c', 'mkfifo p; mknod d c 5 1'], { cwd: root });
  expect(runTree(program, ['copy', root, '.', other, '.'])).toMatchObject(good);
  expect(runTree(program, ['compare', root, other]).stdout.toString()).toBe('');
  expect(runTree(program, ['read', root, '10'], 'p\0d\0').stdout.toString()).toBe('-\n-\n');
  expect(runTree(program, ['same', root, other], 'p\0p\0').stdout.toString()).toBe('!');
  expect(runTree(program, ['pack', root, '.', '.'])).toMatchObject(good);
});

test('what may not be removed is named, and so is what is mounted', () => {
  const disk = mountSmallDisk('ext4', '16M');
  const root = join(disk.path, 'r');
  try {
    mkdirSync(join(root, 'a/m'), { recursive: true });
    writeFileSync(join(root, 'a/f'), 'x');
    execFileSync('chattr', ['+i', join(root, 'a/f')]);
    expect(runTree(program, ['remove', root, 'a'])).toMatchObject({
      status: 2,
      stderr: 'a/f: it cannot be removed: Operation not permitted\n',
    });
    execFileSync('chattr', ['-i', join(root, 'a/f')]);
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(root, 'a/m')]);
    writeFileSync(join(root, 'a/m/kept'), 'x');
    expect(runTree(program, ['remove', root, 'a'])).toMatchObject({
      status: 2,
      stderr: 'a/m: it cannot be removed: Device or resource busy\n',
    });
    expect(readFileSync(join(root, 'a/m/kept'), 'utf8')).toBe('x');
    execFileSync('umount', [join(root, 'a/m')]);
    expect(runTree(program, ['remove', root, 'a'])).toMatchObject(good);
    expect(runTree(program, ['remove', root, 'a'])).toMatchObject(good);
    expect(readdirSync(root)).toEqual([]);
  } finally {
    disk.end();
  }
});

test('exchange gives two things each other’s names', () => {
  const root = newDirectory('exchange');
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'f'), 'file');
  writeFileSync(join(root, 'd/g'), 'in a directory');
  expect(runTree(program, ['exchange', root, 'd', root, 'f'])).toMatchObject(good);
  expect([readFileSync(join(root, 'd'), 'utf8'), readFileSync(join(root, 'f/g'), 'utf8')]).toEqual(['file', 'in a directory']);
  expect(runTree(program, ['exchange', root, 'd', root, 'nope'])).toMatchObject({ status: 2 });
});

test('a full disk makes a copy fail with its name', () => {
  const disk = mountSmallDisk('tmpfs', '1M');
  try {
    const root = newDirectory('full');
    writeFileSync(join(root, 'f'), 'x'.repeat(2 ** 21));
    expect(runTree(program, ['copy', root, 'f', disk.path, 'f'])).toMatchObject({
      status: 2,
      stderr: 'f: the copy cannot be written: No space left on device\n',
    });
  } finally {
    disk.end();
  }
});
