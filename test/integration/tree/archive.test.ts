import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, test } from 'vitest';

import { mountSmallDisk } from '../../rig/small-disk.ts';
import { type TarEntry, tarOf } from '../../rig/tar.ts';
import { walkBoth } from '../../rig/tree-walk.ts';
import { buildTree, type Ended, newDirectory, runTree } from './rig.ts';

let program: string;
beforeAll(async () => {
  program = await buildTree();
}, 300_000);

function unpack(root: string, archive: Uint8Array | readonly TarEntry[], words: readonly string[] = [], path = '.'): Ended {
  return runTree(program, ['unpack', ...words, root, path], archive instanceof Uint8Array ? archive : tarOf(archive));
}

/** A tree with what archives have special forms for. */
function makeTree(): string {
  const root = newDirectory('source');
  const script = String.raw`
    umask 022
    mkdir -p plain/empty 'sp ace' $(printf 'l%.0s' $(seq 200))/$(printf 'm%.0s' $(seq 200))
    echo text > plain/file; chmod 6755 plain/file; chown 5:7 plain/file; ln plain/file 'sp ace/again'
    ln -s ../../../etc/passwd plain/link; ln -s "$(printf 't%.0s' $(seq 300))" long-link; mkfifo -m 620 pipe
    touch "$(printf 'n%.0s' $(seq 255))" "$(printf 'new\nline')" "$(printf '\377\376')"
    truncate -s 64M hole; printf end >> hole
    touch -d '1975-03-04 05:06:07.123456789' plain/empty; touch -h -d '2031-01-01 00:00:00.5' plain/link
    chown 3000000:4000000 pipe
    setfattr -n user.note -v "$(printf 'v%.0s' $(seq 2000))" plain/file
    setcap cap_net_raw+ep hole; setfacl -m u:9:r plain/empty; setfacl -d -m g:8:rwx 'sp ace'
  `;
  execFileSync('/bin/bash', ['-ec', script], { cwd: root });
  return root;
}

/** With times and numbers of links, which a comparison of changes leaves out. */
function list(root: string): string {
  return execFileSync('/bin/sh', ['-c', String.raw`find . -mindepth 1 -printf '%P %y %T@ %n %s %l\0' | sort -z`], {
    cwd: root,
    encoding: 'latin1',
  });
}

test('an archive has everything of a tree, and brings it back', () => {
  const source = makeTree();
  execFileSync('touch', ['-d', '1965-03-04 05:06:07.123456789', join(source, 'hole')]);
  const { status, stdout, stderr } = runTree(program, ['pack', source, '.', '.']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.length).toBeLessThan(60_000);
  const target = newDirectory('target');
  expect(unpack(target, stdout, ['--archive', '--contents'])).toMatchObject({ status: 0, stderr: '' });
  expect(walkBoth(source, target)).toEqual([]);
  expect(list(target)).toBe(list(source));
  expect(statSync(join(target, 'hole')).blocks).toBeLessThan(100);
});

test.each([
  ['GNU tar', ['tar', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', '-']],
  ['bsdtar', ['bsdtar', '--numeric-owner', '--xattrs', '-xpf', '-']],
])('%s unpacks what it packs', (_name, [file = '', ...words]) => {
  const source = makeTree();
  const target = newDirectory('target');
  execFileSync(file, words, {
    cwd: target,
    input: runTree(program, ['pack', source, '.', '.']).stdout,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  expect(list(target)).toBe(list(source));
});

test('without --archive it keeps nothing that not any user may have', () => {
  const target = newDirectory('target');
  const archive = runTree(program, ['pack', makeTree(), '.', '.']).stdout;
  expect(unpack(target, archive, ['--contents'])).toMatchObject({ status: 0 });
  const found = execFileSync('find', ['.', '(', '-perm', '/6000', '-o', '-not', '-uid', '0', '-o', '-not', '-gid', '0', ')'], {
    cwd: target,
  });
  expect(found.toString()).toBe('');
  expect(
    execFileSync('getfattr', ['-R', '-h', '-d', '-m', '-', '--absolute-names', target], { encoding: 'utf8' }).match(/^\S+(?==)/gm),
  ).toEqual(['user.note', 'user.note']);
});

describe('what a single file or directory is called', () => {
  const file = [{ path: 'f', content: 'new' }] as const;
  const directory = [{ path: 'd/' }, { path: 'd/f', content: 'new' }] as const;
  it.each([
    ['a file gets the name of a path where nothing is', file, '--name=f', 'a', 'a', 'new'],
    ['a file takes the place of another', file, '--name=f', 'old', 'old', 'new'],
    ['a file goes into a directory under its own name', file, '--name=f', 'there', 'there/f', 'new'],
    ['a directory gets the name of a path where nothing is', directory, '--name=d', 'a', 'a/f', 'new'],
    ['a directory goes into one that is there', directory, '--name=d', 'there', 'there/d/f', 'new'],
    [
      'contents go into a directory that is there',
      [{ path: './' }, { path: './f', content: 'new' }],
      '--contents',
      'there',
      'there/f',
      'new',
    ],
    ['contents become a directory', [{ path: './' }, { path: './f', content: 'new' }], '--contents', 'a', 'a/f', 'new'],
  ] as const)('%s', (_title, archive, how, path, place, content) => {
    const root = newDirectory('root');
    mkdirSync(join(root, 'there'));
    writeFileSync(join(root, 'old'), 'old');
    expect(unpack(root, archive, [how], path)).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(root, place), 'utf8')).toBe(content);
  });

  it.each([
    ['a directory does not take the place of a file', directory, '--name=d', 'old', 'old: it is no directory\n'],
    [
      'a file does not take the place of a directory',
      file,
      '--name=there',
      'up',
      'there: there is a directory, which nothing but a directory replaces\n',
    ],
    [
      'a link is not followed, though it leads to a directory',
      file,
      '--name=f',
      'link',
      'link: it is a symbolic link to there, and no link is followed\n',
    ],
    ['nothing is copied to a directory that is missing', file, '--name=f', 'no/f', 'no: it does not exist\n'],
    ['members go only into a directory', file, '--archive', 'nope', 'nope: it does not exist\n'],
  ] as const)('%s', (_title, archive, how, path, message) => {
    const root = newDirectory('root');
    mkdirSync(join(root, 'up/there'), { recursive: true });
    mkdirSync(join(root, 'there'));
    writeFileSync(join(root, 'old'), 'old');
    symlinkSync('there', join(root, 'link'));
    const before = list(root);
    expect(unpack(root, archive, [how], path).stderr).toBe(message);
    expect(list(root)).toBe(before);
  });
});

describe('a hostile archive', () => {
  const outside = (): { root: string; file: string } => {
    const parent = newDirectory('outside');
    const file = join(parent, 'secret');
    writeFileSync(file, 'secret');
    mkdirSync(join(parent, 'root'));
    return { root: join(parent, 'root'), file };
  };
  it.each([
    [
      'goes through a link of its own',
      [
        { path: 'l', target: '..' },
        { path: 'l/secret', content: 'x' },
      ],
      'l: it is a symbolic link to .., and no link is followed\n',
    ],
    [
      'goes through an absolute link of its own',
      [
        { path: 'l', target: '/' },
        { path: 'l/x', content: 'x' },
      ],
      'l: it is a symbolic link to /, and no link is followed\n',
    ],
    [
      'makes a directory below a link',
      [{ path: 'l', target: '..' }, { path: 'l/d/e/' }],
      'l: it is a symbolic link to .., and no link is followed\n',
    ],
    [
      'leads out by its names',
      [{ path: '../secret', content: 'x' }],
      "../secret: the name leads out of the root with '..', or is too long\n",
    ],
    [
      'gives a file of the host another name',
      [{ path: 'h', type: '1', target: 'mine' }],
      'h: it is a hard link to no file of the archive\n',
    ],
    ['gives a link of the host another name', [{ path: 'h', type: '1', target: 'up' }], 'h: it is a hard link to no file of the archive\n'],
    [
      'makes a hard link through a link',
      [
        { path: 'l', target: '..' },
        { path: 'h', type: '1', target: 'l/secret' },
      ],
      'l: it is a symbolic link to .., and no link is followed\n',
    ],
    ['has a device', [{ path: 'd', type: '3' }], 'd: it is a device, and devices are not copied\n'],
    ['has a directory in the place of a link', [{ path: 'up/' }], 'up: there is something else, which no directory replaces\n'],
  ] as const)('that %s is refused, and writes nothing outside', (_title, archive, message) => {
    const { root, file } = outside();
    writeFileSync(join(root, 'mine'), 'mine');
    symlinkSync('..', join(root, 'up'));
    expect(unpack(root, archive, ['--archive'])).toMatchObject({ status: expect.toBeOneOf([1, 2]), stderr: message });
    expect({ secret: readFileSync(file, 'utf8'), links: statSync(file).nlink, mine: statSync(join(root, 'mine')).nlink }).toEqual({
      secret: 'secret',
      links: 1,
      mine: 1,
    });
    expect(readdirSync(join(root, '..')).toSorted()).toEqual(['root', 'secret']);
  });

  it('that replaces a link with a file leaves what the link led to', () => {
    const { root, file } = outside();
    symlinkSync('../secret', join(root, 'f'));
    expect(unpack(root, [{ path: 'f', content: 'new' }])).toMatchObject({ status: 0 });
    expect([readFileSync(file, 'utf8'), readFileSync(join(root, 'f'), 'utf8'), lstatSync(join(root, 'f')).isFile()]).toEqual([
      'secret',
      'new',
      true,
    ]);
  });

  it('with absolute names is unpacked below the root', () => {
    const { root } = outside();
    expect(unpack(root, [{ path: '/etc/passwd', content: 'x' }])).toMatchObject({ status: 0 });
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toBe('x');
  });

  it('that has another name beside the one that was asked for brings it to the same place', () => {
    const { root } = outside();
    expect(unpack(root, [{ path: 'a/' }, { path: '.bashrc', content: 'x' }], ['--name=a'], 'b')).toMatchObject({ status: 2 });
    expect(readdirSync(root)).toEqual(['b']);
  });
});

test('an archive that ends early leaves no half file, and what was there', () => {
  const root = newDirectory('root');
  writeFileSync(join(root, 'f'), 'old');
  const archive = tarOf([
    { path: 'g', content: 'whole' },
    { path: 'f', content: 'x'.repeat(100_000) },
  ]).subarray(0, 50_000);
  expect(unpack(root, archive)).toMatchObject({
    status: 1,
    stderr: 'the archive ends in the middle of an entry\n',
    stdout: Buffer.from('1 0\n'),
  });
  expect(readdirSync(root).toSorted()).toEqual(['f', 'g']);
  expect(readFileSync(join(root, 'f'), 'utf8')).toBe('old');
});

test('a full disk leaves no half file, and says how many were copied before', () => {
  const disk = mountSmallDisk('tmpfs', '1M');
  try {
    writeFileSync(join(disk.path, 'f'), 'old');
    const archive = tarOf([
      { path: 'g', content: 'whole' },
      { path: 'f', content: 'x'.repeat(2 ** 21) },
    ]);
    expect(unpack(disk.path, archive)).toEqual({
      status: 2,
      stderr: 'f: cannot be written: No space left on device\n',
      stdout: Buffer.from('1 0\n'),
    });
    expect(readdirSync(disk.path).toSorted()).toEqual(['f', 'g']);
    expect(readFileSync(join(disk.path, 'f'), 'utf8')).toBe('old');
  } finally {
    disk.end();
  }
});

test('a directory that is there keeps its mode, unless the copy is to be exact', () => {
  const root = newDirectory('root');
  mkdirSync(join(root, 'd'));
  chmodSync(join(root, 'd'), 0o700);
  unpack(root, [{ path: 'd/', mode: 0o755 }]);
  expect(statSync(join(root, 'd')).mode & 0o777).toBe(0o700);
  unpack(root, [{ path: 'd/', mode: 0o755 }], ['--archive']);
  expect(statSync(join(root, 'd')).mode & 0o777).toBe(0o755);
});

test('a directory that may not be written is complete all the same', () => {
  const root = newDirectory('root');
  expect(
    unpack(root, [
      { path: 'd/', mode: 0o555 },
      { path: 'd/f', content: 'x' },
    ]),
  ).toMatchObject({ status: 0 });
  expect([statSync(join(root, 'd')).mode & 0o777, existsSync(join(root, 'd/f'))]).toEqual([0o555, true]);
});

test('sockets are left out, and said to be', () => {
  const root = newDirectory('root');
  execFileSync('python3', ['-c', "import socket; socket.socket(socket.AF_UNIX).bind('s')"], { cwd: root });
  writeFileSync(join(root, 'f'), '');
  const { status, stdout, stderr } = runTree(program, ['pack', root, '.', '.']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: 'sockets were left out: 1\n' });
  expect(execFileSync('tar', ['-t'], { input: stdout }).toString()).toBe('./\nf\n');
});
