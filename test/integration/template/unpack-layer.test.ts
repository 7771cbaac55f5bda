import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import { make } from '../../rig/compile.ts';
import { type TarEntry, tarOf } from '../../rig/tar.ts';

/** With the address and undefined behaviour sanitizers. */
let program: string;

beforeAll(async () => {
  program = join(await make('unpack', ['asan']), 'isolate-unpack-asan');
}, 300_000);

interface Unpacked {
  readonly status: number | null;
  readonly says: string;
}

function unpack(root: string, layer: Uint8Array | readonly TarEntry[], most = 10_000): Unpacked {
  const input = layer instanceof Uint8Array ? layer : tarOf(layer);
  const { status, stdout, stderr } = spawnSync(program, [root, String(most)], { input, encoding: 'utf8' });
  return { status, says: `${stdout}${stderr}`.trim() };
}

function newRoot(): string {
  return mkdtempSync(join(tmpdir(), 'layer-'));
}

/** Every file with its kind, owner, mode and target, or content if it is short. */
function list(root: string): string[] {
  const lines = execFileSync('find', ['.', '-mindepth', '1', '-printf', String.raw`%P %y %U:%G %m %l\n`], { cwd: root, encoding: 'utf8' });
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())
    .toSorted();
}

/** The outcome of layers over each other in a new root: what is in it, or what the one that failed says. */
function pile(...layers: readonly (readonly TarEntry[])[]): string[] {
  const root = newRoot();
  for (const layer of layers) {
    const { status, says } = unpack(root, layer);
    if (status !== 0) return [`${status}: ${says}`];
  }
  return list(root);
}

describe('a layer', () => {
  it.each([
    ['GNU tar', 'tar', ['--format=pax', '--xattrs', '--xattrs-include=*']],
    ['GNU tar, sparse files of version 0.0', 'tar', ['--format=pax', '--xattrs', '--xattrs-include=*', '-S', '--sparse-version=0.0']],
    ['GNU tar, sparse files of version 0.1', 'tar', ['--format=pax', '--xattrs', '--xattrs-include=*', '-S', '--sparse-version=0.1']],
    ['GNU tar, sparse files of version 1.0', 'tar', ['--format=pax', '--xattrs', '--xattrs-include=*', '-S', '--sparse-version=1.0']],
    ['bsdtar', 'bsdtar', ['--format=pax', '--xattrs']],
  ])('made by %s comes in as it is', (_title, tar, options) => {
    const source = makeTree();
    const root = newRoot();
    expect(unpack(root, execFileSync(tar, [...options, '-C', source, '-cf', '-', '.'], { maxBuffer: 2 ** 27 }))).toEqual({
      status: 0,
      says: '14 0 0',
    });
    expect(describeTree(root)).toBe(describeTree(source));
  });

  it.each([
    ['v7', ['--format=v7']],
    ['gnu', ['--format=gnu', '-S']],
    ['ustar', ['--format=ustar']],
  ])('in the format %s of GNU tar comes in with all that the format has', (_format, options) => {
    const source = makeTree({ plain: true });
    const root = newRoot();
    unpack(root, execFileSync('tar', [...options, '-C', source, '-cf', '-', '.'], { maxBuffer: 2 ** 27 }));
    expect(describeTree(root)).toBe(describeTree(source));
  });

  it('has what it says in its root, though it names absolute paths and goes through absolute links', () => {
    expect(
      pile(
        [{ path: '/run/' }, { path: 'var/' }, { path: 'var/run', target: '/run' }],
        [{ path: '/var/run/pid', content: '1' }, { path: './/etc/./x' }],
      ),
    ).toEqual(['etc d 0:0 755', 'etc/x f 0:0 644', 'run d 0:0 755', 'run/pid f 0:0 644', 'var d 0:0 755', 'var/run l 0:0 777 /run']);
  });

  it('keeps owners, set-uid bits and pipes, and leaves devices out', () => {
    const root = newRoot();
    const result = unpack(root, [
      { path: 'a', mode: 0o4755, uid: 1, gid: 2 },
      { path: 'null', type: '3' },
      { path: 'disk', type: '4' },
      { path: 'pipe', type: '6', uid: 7 },
      { path: 'large', pax: { uid: '100000', gid: '65535' } },
    ]);
    expect({ ...result, list: list(root) }).toEqual({
      status: 0,
      says: '5 2 0',
      list: ['a f 1:2 4755', 'large f 100000:65535 644', 'pipe p 7:0 644'],
    });
  });

  it('takes capabilities for those of its own root, and not the labels of another host', () => {
    const revision3 = Buffer.from('0100000300200000000000000000000000000000a0860100', 'hex');
    const root = newRoot();
    const pax = {
      'SCHILY.xattr.security.capability': revision3.subarray(0, 24),
      'SCHILY.xattr.security.selinux': 'x',
      'SCHILY.xattr.user.a': 'b\n\0',
    };
    expect(unpack(root, [{ path: 'ping', pax }])).toEqual({ status: 0, says: '1 0 0' });
    expect(execFileSync('getfattr', ['-e', 'hex', '-d', '-m', '-', 'ping'], { cwd: root, encoding: 'utf8' })).toBe(
      '# file: ping\nsecurity.capability=0x0100000200200000000000000000000000000000\nuser.a=0x620a00\n\n',
    );
  });

  it('never makes another user the owner of the root', () => {
    const root = newRoot();
    unpack(root, [{ path: './', uid: 1000, gid: 1000, mode: 0o750 }]);
    expect(execFileSync('stat', ['-c', '%u:%g %a', root], { encoding: 'utf8' })).toBe('0:0 750\n');
  });
});

describe('over lower layers, a layer', () => {
  const lower = [{ path: 'a/' }, { path: 'a/old' }, { path: 'a/b/' }, { path: 'a/b/old' }, { path: 'f', content: 'x' }];

  it('hides a file, a whole directory, and nothing that is not there', () => {
    expect(pile(lower, [{ path: '.wh.f' }, { path: 'a/.wh.b' }, { path: '.wh.none' }, { path: 'none/.wh.x' }])).toEqual([
      'a d 0:0 755',
      'a/old f 0:0 644',
    ]);
  });

  it.each([['first'], ['last']])('hides what lower layers have in a directory, and nothing of its own, with the whiteout %s', (where) => {
    const hide = [{ path: 'a/.wh..wh..opq' }];
    const own = [{ path: 'a/' }, { path: 'a/new' }, { path: 'a/b/' }, { path: 'a/b/new' }];
    expect(pile(lower, where === 'first' ? [...hide, ...own] : [...own, ...hide])).toEqual([
      'a d 0:0 755',
      'a/b d 0:0 755',
      'a/b/new f 0:0 644',
      'a/new f 0:0 644',
      'f f 0:0 644',
    ]);
  });

  it('hides a name and has it too', () => {
    expect(pile(lower, [{ path: 'a/' }, { path: 'a/new' }, { path: '.wh.a' }, { path: '.wh.f' }, { path: 'f/' }])).toEqual([
      'a d 0:0 755',
      'a/new f 0:0 644',
      'f d 0:0 755',
    ]);
  });

  it('empties the root', () => {
    expect(pile(lower, [{ path: '.wh..wh..opq' }, { path: 'new' }])).toEqual(['new f 0:0 644']);
  });

  it('hides through links only inside the root', () => {
    expect(
      pile(
        lower,
        [
          { path: 'link', target: '/a' },
          { path: 'up', target: '../../a/b' },
        ],
        [{ path: 'link/.wh.old' }, { path: 'up/.wh.old' }],
      ),
    ).toEqual(['a d 0:0 755', 'a/b d 0:0 755', 'f f 0:0 644', 'link l 0:0 777 /a', 'up l 0:0 777 ../../a/b']);
  });

  it('replaces files by directories, directories by files, links by directories', () => {
    expect(
      pile(lower, [{ path: 'f/' }, { path: 'f/x' }, { path: 'a', content: 'x' }, { path: 'l', target: 'f' }], [{ path: 'l/' }]),
    ).toEqual(['a f 0:0 644', 'f d 0:0 755', 'f/x f 0:0 644', 'l d 0:0 755']);
  });

  it('keeps what a directory has that it names again, and gives it the new mode', () => {
    expect(pile(lower, [{ path: 'a/', mode: 0o700, uid: 5 }])).toEqual([
      'a d 5:0 700',
      'a/b d 0:0 755',
      'a/b/old f 0:0 644',
      'a/old f 0:0 644',
      'f f 0:0 644',
    ]);
  });

  it('links to a file of a lower layer', () => {
    const root = newRoot();
    unpack(root, lower);
    unpack(root, [{ path: 'a/again', type: '1', target: './f' }]);
    expect(execFileSync('stat', ['-c', '%h %s', join(root, 'a/again')], { encoding: 'utf8' })).toBe('2 1\n');
  });

  it('leaves the times of directories that it does not name', () => {
    const root = newRoot();
    unpack(root, [
      { path: 'a/', mtime: 1000 },
      { path: 'a/b/', mtime: 2000 },
      { path: 'a/b/c', mtime: 3000 },
      { path: 'd/', mtime: 5000 },
    ]);
    unpack(root, [{ path: 'a/x', mtime: 4000 }, { path: 'a/b/.wh.c' }, { path: 'd/', pax: { mtime: '-1.25' } }, { path: 'd/e' }]);
    const times = execFileSync('stat', ['-c', '%n %.Y', 'a', 'a/b', 'a/x', 'd'], { cwd: root, encoding: 'utf8' });
    expect(times.replaceAll(/\.0+$/gm, '')).toBe('a 1000\na/b 2000\na/x 4000\nd -1.250000000\n');
  });
});

describe('a hostile layer', () => {
  it.each<[string, readonly TarEntry[], string]>([
    ['leads out by its name', [{ path: 'a/../../x' }], "a/../../x: the name leads out of the root with '..', or is too long"],
    [
      'leads out by a hard link',
      [{ path: 'x', type: '1', target: '../x' }],
      "../x: the hard link leads out of the root with '..', or is too long",
    ],
    ['links to no file', [{ path: 'x', type: '1', target: 'y' }], 'x: the hard link leads to no file'],
    ['links to a directory', [{ path: 'd/' }, { path: 'x', type: '1', target: 'd' }], 'x: the hard link leads to no file'],
    ['links to itself', [{ path: 'x' }, { path: 'x', type: '1', target: 'x' }], 'x: a hard link leads to itself'],
    ['hides the directory above', [{ path: 'a/.wh...' }], 'a: a whiteout hides no name'],
    ['hides its own directory', [{ path: 'a/.wh..' }], 'a: a whiteout hides no name'],
    ['hides nothing', [{ path: '.wh.' }], '.: a whiteout hides no name'],
    ['makes the root a file', [{ path: '.', content: 'x' }], 'the root is to be something other than a directory'],
    ['has something below a file', [{ path: 'x' }, { path: 'x/y' }], 'x: something is to be below it, and it is no directory'],
    ['has an entry of an unknown kind', [{ path: 'x', type: 'Z' }], 'x: the entry is of a kind that no root has'],
    ['has an owner beyond all ids', [{ path: 'x', pax: { uid: '4294967295' } }], "x: the owner's id is too large"],
    ['has a number that is none', [{ path: 'x', pax: { size: '1x' } }], 'an extended header is damaged'],
    ['has a name that is too long', [{ path: 'x/'.repeat(3000) }], 'x/x/'],
    ['has a component that is too long', [{ path: 'x'.repeat(300) }], 'xxxx'],
    ['has a negative size', [{ path: 'x', pax: { size: '-1' } }], 'an extended header is damaged'],
    ['ends before its data', [{ path: 'x', pax: { size: '99999999' } }], 'the archive ends in the middle of an entry'],
    [
      'has a sparse map beyond its file',
      [{ path: 'x', content: 'abc', pax: { 'GNU.sparse.map': '5,3', 'GNU.sparse.size': '6' } }],
      'x: the map of the sparse file is damaged',
    ],
    [
      'has a sparse map that overlaps',
      [{ path: 'x', content: 'ab', pax: { 'GNU.sparse.map': '3,1,1,1', 'GNU.sparse.size': '6' } }],
      'x: the map of the sparse file is damaged',
    ],
  ])('that %s is refused', (_title, entries, message) => {
    const { status, says } = unpack(newRoot(), entries);
    expect({ status, says: says.slice(0, message.length) }).toEqual({ status: 1, says: message });
  });

  it('with more entries than allowed is refused', () => {
    expect(unpack(newRoot(), [{ path: 'a' }, { path: 'b' }, { path: 'c' }], 2)).toEqual({
      status: 1,
      says: 'the layer has too many entries',
    });
  });

  it('that hides the same again and again is unpacked as quickly as another', () => {
    const root = newRoot();
    unpack(
      root,
      Array.from({ length: 3000 }, (_, index) => ({ path: `d/${index}` })),
    );
    const own = Array.from({ length: 3000 }, (_, index) => ({ path: `d/new${index}` }));
    const hide = Array.from({ length: 1000 }, () => [{ path: 'd/.wh..wh..opq' }, { path: '.wh.d' }, { path: '.wh..wh..opq' }]);
    const calls = countCalls(root, [...own, ...hide.flat()]);
    expect({ files: list(root).length, walked: calls < 100 }).toEqual({ files: 3001, walked: true });
  });

  it('with a tree deeper than any path can be taken away', () => {
    const root = newRoot();
    const deep = 'd/'.repeat(1000);
    const chain = Array.from({ length: 4 }, (_, index) => [
      { path: `${index === 0 ? '' : `l${index - 1}/`}${deep}` },
      { path: `l${index}`, target: `${index === 0 ? '' : `l${index - 1}/`}${deep}`.slice(0, -1) },
    ]);
    expect(unpack(root, chain.flat())).toEqual({ status: 0, says: '8 0 0' });
    expect(unpack(root, [{ path: '.wh.d' }])).toEqual({ status: 0, says: '1 0 0' });
    expect(list(root).filter((line) => !line.includes(' l '))).toEqual([]);
  });

  it('writes nothing outside through links', () => {
    const root = newRoot();
    const outside = newRoot();
    const result = unpack(root, [
      { path: 'out', target: outside },
      { path: 'out/x', content: 'x' },
    ]);
    expect({ result, outside: execFileSync('ls', [outside], { encoding: 'utf8' }) }).toEqual({
      result: { status: 1, says: 'out: something is to be below it, and it is no directory' },
      outside: '',
    });
  });

  it('that is no archive, damaged or cut is refused at any length', () => {
    const good = tarOf([{ path: 'a', content: 'x'.repeat(1000), pax: { mtime: '1.5' } }, { path: 'b/' }]);
    const damaged = Buffer.from(good);
    damaged.writeUInt8(7, 512 * 2 + 20);
    expect(unpack(newRoot(), Buffer.from('x'.repeat(512)))).toEqual({ status: 1, says: 'this is no tar archive, or it is damaged' });
    expect(unpack(newRoot(), damaged)).toEqual({ status: 1, says: 'this is no tar archive, or it is damaged' });
    for (const length of [1, 600, 1024, 1500, 2000]) {
      expect(unpack(newRoot(), good.subarray(0, length))).toEqual({ status: 1, says: 'the archive ends in the middle of an entry' });
    }
    expect([0, 512 * 5, 512 * 6].map((length) => unpack(newRoot(), good.subarray(0, length)).status)).toEqual([0, 0, 0]);
  });

  it('of random bytes in its headers never brings the program down', () => {
    const good = tarOf([
      { path: 'a/' },
      {
        path: 'a/b',
        content: 'x'.repeat(700),
        pax: { 'GNU.sparse.map': '0,300,1000,400', 'GNU.sparse.size': '2000', 'SCHILY.xattr.user.a': 'b' },
      },
      { path: 'l', target: 'a' },
      { path: 'h', type: '1', target: 'a/b' },
    ]);
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const statuses = new Set<number | null>();
    for (let round = 0; round < 300; round += 1) {
      const layer = Buffer.from(good);
      for (let count = random(4); count >= 0; count -= 1) layer.writeUInt8(random(256), random(layer.length));
      repairSums(layer);
      statuses.add(unpack(newRoot(), layer).status);
    }
    statuses.delete(2);
    expect(statuses).toEqual(new Set([0, 1]));
  }, 300_000);
});

/** How many directories the program opens to walk through. */
function countCalls(root: string, layer: readonly TarEntry[]): number {
  const trace = join(newRoot(), 'trace');
  spawnSync('strace', ['-f', '-o', trace, '-e', 'trace=getdents64', program, root, '10000'], { input: tarOf(layer) });
  return readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => line.includes('getdents64(')).length;
}

/** So that what was changed is read. */
function repairSums(layer: Buffer): void {
  for (let at = 0; at + 512 <= layer.length; at += 512) {
    if (layer.toString('latin1', at + 257, at + 262) !== 'ustar') continue;
    layer.write('        ', at + 148);
    const sum = layer.subarray(at, at + 512).reduce((all, byte) => all + byte, 0);
    layer.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148);
  }
}

function makeTree({ plain = false } = {}): string {
  const tree = newRoot();
  for (const directory of ['etc', 'usr/bin', 'var']) mkdirSync(join(tree, directory), { recursive: true });
  writeFileSync(join(tree, 'etc/hosts'), 'localhost\n');
  utimesSync(join(tree, 'etc/hosts'), 1, plain ? 981_173_106 : 981_173_106.75);
  linkSync(join(tree, 'etc/hosts'), join(tree, 'etc/again'));
  symlinkSync('/usr/bin', join(tree, 'bin'));
  if (!plain) execFileSync('mkfifo', [join(tree, 'var/pipe')]);
  const deep = join(tree, 'var', plain ? 'short' : 'long-'.repeat(30), 'x'.repeat(plain ? 5 : 120));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, plain ? 'y' : 'ü'), 'deep');
  writeFileSync(join(tree, 'var/holes'), 'begin');
  truncateSync(join(tree, 'var/holes'), 5_000_000);
  writeFileSync(join(tree, 'var/holes'), 'end', { flag: 'a' });
  chmodSync(join(tree, 'etc/hosts'), 0o6711);
  if (!plain) {
    execFileSync('setfattr', ['-n', 'user.note', '-v', 'x', join(tree, 'etc/hosts')]);
    writeFileSync(join(tree, 'usr/bin/ping'), '');
    execFileSync('setcap', ['cap_net_raw+ep', join(tree, 'usr/bin/ping')]);
  }
  execFileSync('find', [tree, '-exec', 'touch', '-h', '-d', plain ? '2010-01-02' : '2010-01-02 03:04:05.123456789', '{}', '+']);
  chmodSync(join(tree, 'var'), 0o1777);
  return tree;
}

function describeTree(root: string): string {
  const files = execFileSync('find', ['.', '-printf', String.raw`%P %y %U:%G %m %n %T@ %l\n`], { cwd: root, encoding: 'utf8' });
  const attributes = execFileSync('getfattr', ['-R', '-h', '-d', '-m', '-', '.'], { cwd: root, encoding: 'utf8' });
  const sum = execFileSync('sha256sum', [join(root, 'var/holes')], { encoding: 'utf8' }).slice(0, 64);
  return [files.split('\n').toSorted().join('\n'), attributes, sum, readFileSync(join(root, 'etc/hosts'), 'utf8')].join('\n');
}
