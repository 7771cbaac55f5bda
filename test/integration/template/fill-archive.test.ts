import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { causesOf, IsolateError } from '../../../src/error.ts';
import type { FillOptions } from '../../../src/template/fill/fill.ts';
import { receiveArchive } from '../../../src/template/fill/archive.ts';
import { runInFilling } from '../../../src/template/fill/filling.ts';
import { chooseLimits, unpack } from '../../../src/template/fill/unpack.ts';
import { fillDirectory, fillNew, inPlace } from '../../rig/filling.ts';

let tree: string;
let work: string;
let expected: string;

function sh(script: string, ...words: string[]): string {
  return execFileSync('/bin/sh', ['-euc', script, 'sh', ...words], { encoding: 'utf8', env: { PATH: process.env['PATH'], LC_ALL: 'C' } });
}

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'archives-'));
  tree = join(work, 'tree');
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  sh(
    `cd "$1"
    mkdir dev home; mknod dev/null c 1 3; mknod usr/disk b 8 0; mkfifo usr/pipe
    printf program > usr/bin/tool; chmod 4755 usr/bin/tool
    printf capable > usr/bin/capable; setcap cap_net_raw+ep usr/bin/capable
    ln usr/bin/tool usr/bin/other-name; ln -s /etc/passwd usr/link
    truncate -s 64M usr/holes; printf end >> usr/holes
    printf mine > home/mine; chown 1000:1001 home/mine; chmod 640 home/mine; touch -d 2001-02-03T04:05:06Z home/mine
    setfattr -n user.color -v blue home/mine; setfacl -m u:1002:rw home/mine; setfacl -d -m g:1003:rx home
    chown 0:42 usr/pipe; chmod 2775 home; touch -d 2002-02-03T04:05:06Z home usr`,
    tree,
  );
  expected = join(work, 'expected');
  sh('cp -a "$1" "$2"; rm "$2/dev/null" "$2/usr/disk"; touch -d 2002-02-03T04:05:06Z "$2/usr"; touch -r "$1/dev" "$2/dev"', tree, expected);
});

/** Everything about the files of a tree that a template must have. */
function describe(root: string): string {
  return sh(
    `cd "$1"; find . -path ./.isolate -prune -o -printf '%p %y %U:%G %m %s %n %l %TY-%Tm-%Td.%TT\n' | grep -v '^[.] ' | sort
    getfattr -R -d -m '^(user|security.capability)' home usr; getfacl -R -n home; getcap -r usr; cat usr/bin/other-name; du -k usr/holes`,
    root,
  );
}

const archives: readonly (readonly [string, string])[] = [
  ['GNU tar in the format pax', 'tar --format=posix --xattrs --xattrs-include=* --acls --sparse -cf "$2" -C "$1" .'],
  ['bsdtar', 'bsdtar --format=pax --xattrs --acls -cf "$2" -C "$1" .'],
  ['GNU tar, compressed by gzip', 'tar --format=posix --xattrs --xattrs-include=* --acls --sparse -czf "$2" -C "$1" .'],
  ['GNU tar, compressed by xz', 'tar --format=posix --xattrs --xattrs-include=* --acls --sparse -cJf "$2" -C "$1" .'],
  ['GNU tar, compressed by bzip2', 'tar --format=posix --xattrs --xattrs-include=* --acls --sparse -cjf "$2" -C "$1" .'],
  ['GNU tar, compressed by zstd', 'tar --format=posix --xattrs --xattrs-include=* --acls --sparse --zstd -cf "$2" -C "$1" .'],
  ['GNU tar, compressed by lz4', 'tar --format=posix --xattrs --xattrs-include=* --acls --sparse -I lz4 -cf "$2" -C "$1" .'],
];

test.each(archives)('an archive of %s comes in whole, but for devices', async (_, command) => {
  const archive = join(work, 'whole.tar');
  sh(command, tree, archive);
  const { root, left } = await fillNew(`tar:${archive}`);
  expect(left).toMatchObject({ devices: 1, attributes: 0 });
  expect(describe(root)).toBe(describe(expected));
});

test('a directory comes in whole, but for devices and sockets', async () => {
  const { root, left } = await fillNew(tree);
  expect(left).toMatchObject({ devices: 1, attributes: 0 });
  expect(describe(root)).toBe(describe(expected));
});

test('a directory that has the template in it does not come in again', async () => {
  const outer = mkdtempSync(join(tmpdir(), 'outer-'));
  const [target, other] = [join(outer, 'var/st[o]re/*'), join(outer, 'var/st[o]re/other')];
  for (const path of [target, other, join(outer, 'usr/bin')]) mkdirSync(path, { recursive: true });
  for (let index = 0; index < 200; index += 1) writeFileSync(join(outer, `usr/bin/${index}`), 'x'.repeat(10_000));
  await fillDirectory(target, outer);
  expect(readdirSync(target).toSorted()).toEqual(['.isolate', 'usr', 'var']);
  expect([readdirSync(join(target, 'usr/bin')).length, readdirSync(join(target, 'var/st[o]re'))]).toEqual([200, ['other']]);
});

test('the record says what a template was made from', async () => {
  const { root, record } = await fillNew(tree, { createdMs: 1234 });
  expect(record).toEqual({ version: 1, createdMs: 1234, source: tree, defaults: {} });
  expect(JSON.parse(readFileSync(join(root, '.isolate/template.json'), 'utf8'))).toEqual(record);
  expect(sh('stat -c "%U %a" "$1" "$1/.isolate" "$1/.isolate/template.json"', root)).toBe('root 755\nroot 755\nroot 644\n');
});

test('a copy of a template has its defaults', async () => {
  const first = await fillNew(tree);
  const defaults = { command: ['make'], environment: { A: 'b' } };
  writeFileSync(join(first.root, '.isolate/template.json'), JSON.stringify({ version: 1, createdMs: 1, defaults }));
  expect((await fillNew(first.root)).record).toEqual({ version: 1, createdMs: 0, source: first.root, defaults });
});

/** Makes an archive with Python: `add(NAME, type=..., linkname=..., data=...)` adds an entry. */
function craft(script: string): string {
  const archive = join(mkdtempSync(join(work, 'crafted-')), 'a.tar');
  const python = `import tarfile, io, sys
t = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT)
def add(name, data=b'', **fields):
    i = tarfile.TarInfo(name); i.size = len(data); i.mode = 0o644
    for key, value in fields.items(): setattr(i, key, value)
    t.addfile(i, io.BytesIO(data))
def directory(name): add(name, type=tarfile.DIRTYPE, mode=0o755)
directory('usr')
${script}
t.close()`;
  execFileSync('python3', ['-c', python, archive]);
  return archive;
}

/** The code of an error, its message without the archive's path, and its first cause. */
async function refusal(archive: string, options: Partial<FillOptions> = {}): Promise<readonly string[]> {
  try {
    await fillNew(`tar:${archive}`, options);
    return ['none'];
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return [error.code, error.message.replaceAll(archive, 'ARCHIVE'), ...causesOf(error).slice(0, 1)];
  }
}

test('absolute names stay inside', async () => {
  const outside = join(work, 'outside');
  const { root } = await fillNew(`tar:${craft(`add('${outside}', b'evil'); add('/etc/cron', b'x')`)}`);
  expect([existsSync(outside), readFileSync(join(root, outside), 'utf8'), existsSync(join(root, 'etc/cron'))]).toEqual([
    false,
    'evil',
    true,
  ]);
});

test('names with .. are refused', async () => {
  expect(await refusal(craft(`add('usr/../../evil', b'x')`))).toEqual([
    'bad-source',
    'ARCHIVE cannot be unpacked.',
    "tar: usr/../../evil: Member name contains '..'",
  ]);
});

test('links lead nowhere outside', async () => {
  const outside = mkdtempSync(join(work, 'outside-'));
  const archive = craft(`
add('usr/out', type=tarfile.SYMTYPE, linkname='${outside}')
add('usr/out/evil', b'evil')
add('usr/up', type=tarfile.SYMTYPE, linkname='../../../../../../../..${outside}')
add('usr/up/evil', b'evil')`);
  await fillNew(`tar:${archive}`).catch(() => {});
  expect(readdirSync(outside)).toEqual([]);
});

test('hard links to files of the host are refused', async () => {
  expect(await refusal(craft(`add('usr/passwd', type=tarfile.LNKTYPE, linkname='/etc/passwd')`))).toEqual([
    'bad-source',
    'ARCHIVE cannot be unpacked.',
    "tar: usr/passwd: Cannot hard link to 'etc/passwd': No such file or directory",
  ]);
});

test('a link in the place of the record leads nowhere', async () => {
  const outside = mkdtempSync(join(work, 'outside-'));
  const archive = craft(`
add('.isolate', type=tarfile.SYMTYPE, linkname='${outside}')`);
  const { root } = await fillNew(`tar:${archive}`);
  expect([readdirSync(outside), readdirSync(join(root, '.isolate'))]).toEqual([[], ['template.json']]);
});

test('a pipe in the place of the record keeps nobody waiting', async () => {
  const archive = craft(`
add('.isolate', type=tarfile.DIRTYPE, mode=0o755)
add('.isolate/template.json', type=tarfile.FIFOTYPE)`);
  const { root } = await fillNew(`tar:${archive}`);
  expect(JSON.parse(readFileSync(join(root, '.isolate/template.json'), 'utf8'))).toMatchObject({ defaults: {} });
});

test('a header that is kept in memory takes no more of it than a program may have', async () => {
  const archive = join(work, 'header.tar.zst');
  const python = `import tarfile, sys
header = tarfile.TarInfo('x'); header.type = b'x'; header.size = 2200 << 20
sys.stdout.buffer.write(header.tobuf(tarfile.USTAR_FORMAT))`;
  sh('{ python3 -c "$1"; head -c 2200M /dev/zero; head -c 10240 /dev/zero; } | zstd -q -1 -o "$2"', python, archive);
  expect(await refusal(archive)).toEqual(['bad-source', 'ARCHIVE cannot be unpacked.', 'tar: memory exhausted']);
});

test('a root that belongs to somebody else becomes root’s', async () => {
  const { root } = await fillNew(`tar:${craft(`add('.', type=tarfile.DIRTYPE, mode=0o1777, uid=70000, gid=5)`)}`).catch(() => ({
    root: '',
  }));
  expect(root).toBe('');
  const other = await fillNew(`tar:${craft(`add('.', type=tarfile.DIRTYPE, mode=0o001, uid=7, gid=5)`)}`);
  expect(sh('stat -c "%u:%g %a" "$1"', other.root)).toBe('0:0 755\n');
});

test('an archive that unpacks to more than it may is ended', async () => {
  const archive = craft(`add('usr/zeros', bytes(200 * 1024 * 1024))`);
  sh('gzip -1 "$1"', archive);
  const bomb = `${archive}.gz`;
  expect(await refusal(bomb, { maxBytes: 50_000_000 })).toEqual(['source-too-large', 'ARCHIVE unpacks to more than 50000000 bytes.']);
});

test('an archive with more files than may be made is ended', async () => {
  const archive = craft(`
for i in range(40000): add('usr/%d' % i)`);
  const root = mkdtempSync(join(work, 'small-'));
  sh('mount -t tmpfs -o nr_inodes=20000 tmpfs "$1"', root);
  try {
    await expect(fillDirectory(root, `tar:${archive}`)).rejects.toMatchObject({ code: 'source-too-large' });
  } finally {
    sh('umount "$1"', root);
  }
});

test('a full disk is named', async () => {
  const archive = craft(`add('usr/zeros', bytes(3 * 1024 * 1024)); add('usr/more', bytes(12 * 1024 * 1024))`);
  const root = mkdtempSync(join(work, 'small-'));
  sh('mount -t tmpfs -o size=4m tmpfs "$1"', root);
  try {
    await expect(fillDirectory(root, `tar:${archive}`)).rejects.toMatchObject({ code: 'source-too-large' });
    sh('rm -rf "$1"/*', root);
    // The disk fills while it unpacks.
    sh('head -c 2M /dev/zero > "$1/other"', root);
    const small = craft(`
for i in range(1000): add('usr/%d' % i, bytes(1))`);
    await expect(fillDirectory(root, `tar:${small}`)).rejects.toMatchObject({ code: 'pool-full' });
  } finally {
    sh('umount "$1"', root);
  }
});

test.each([
  ['cut off', 'head -c 20000 "$1" > "$2"', 'tar: Unexpected EOF in archive'],
  ['compressed and cut off', 'gzip -c "$1" | head -c 5000 > "$2"', 'gzip: stdin: unexpected end of file'],
  ['of another kind', 'head -c 20000 /dev/urandom > "$2"', 'tar: This does not look like a tar archive'],
])('an archive that is %s is refused', async (_, damage, cause) => {
  const archive = craft(`
import random
for i in range(100): add('usr/%d' % i, random.Random(i).randbytes(1000))`);
  const damaged = `${archive}.damaged`;
  sh(damage, archive, damaged);
  const [code, message, first = ''] = await refusal(damaged);
  expect([code, message, first.slice(0, cause.length)]).toEqual(['bad-source', 'ARCHIVE cannot be unpacked.', cause]);
});

test('what is no root is refused with what it may be', async () => {
  const nested = join(work, 'nested.tar');
  sh('tar -cf "$2" -C "$3" tree', '', nested, work);
  await expect(fillNew(`tar:${nested}`)).rejects.toMatchObject({
    code: 'bad-source',
    message: `tar:${nested} is not a root: it has neither /usr nor /bin.`,
    hint: 'all it has is "tree"; a root\'s own directories must be at the top',
  });
  await expect(fillNew(join(work, 'missing'))).rejects.toMatchObject({ code: 'bad-source', message: `${work}/missing cannot be read.` });
});

test('an unpacking can be stopped', async () => {
  const stop = new AbortController();
  const stopped = new IsolateError('aborted', 'isolate was stopped by SIGINT.');
  const archive = craft(`add('usr/first', b'1'); add('usr/second', bytes(1000 * 1000))`);
  // Its writer keeps the pipe open and writes nothing more.
  const stalled = spawn('sh', ['-c', 'head -c 102400 "$1"; exec sleep 1000', 'sh', archive], { stdio: ['ignore', 'pipe', 'inherit'] });
  const root = mkdtempSync(join(work, 'stopped-'));
  const onProgress = (): void => {
    if (existsSync(join(root, 'usr/first'))) stop.abort(stopped);
  };
  const received = await receiveArchive(stalled.stdout, 'standard input');
  const options = { limits: chooseLimits({ root, storage: root }), onProgress, signal: stop.signal };
  await expect(inPlace(root, (place) => unpack(place, received, options))).rejects.toBe(stopped);
  stalled.kill();
});

/** What a sandbox with the ids of the tree at `root` says about it. */
async function askInside(root: string, command: readonly [string, ...string[]]): Promise<string> {
  const chunks: Buffer[] = [];
  await inPlace(root, (place) => runInFilling(place, { command, onOutput: (chunk) => void chunks.push(chunk) }));
  return Buffer.concat(chunks).toString();
}

test('a sandbox sees the capabilities of a file, and so does this host', async () => {
  const { root } = await fillNew(tree);
  expect(await askInside(root, ['getcap', 'usr/bin/capable'])).toBe('usr/bin/capable cap_net_raw=ep\n');
  expect(sh('getcap "$1/usr/bin/capable"', root)).toBe(`${root}/usr/bin/capable cap_net_raw=ep\n`);
});

test('where nothing can be mounted idmapped, the files have the ids of a sandbox', async () => {
  const place = mkdtempSync(join(work, 'overlay-'));
  sh('mount -t tmpfs tmpfs "$1"; mkdir "$1/lower" "$1/upper" "$1/work" "$1/merged"', place);
  sh('mount -t overlay -o lowerdir="$1/lower,upperdir=$1/upper,workdir=$1/work" overlay "$1/merged"', place);
  const root = join(place, 'merged/tree');
  sh('mkdir "$1"; chown 1879048192:1879048192 "$1"', root);
  await fillDirectory(root, tree);
  expect(sh('stat -c %u:%g "$1" "$1/home/mine" "$1/.isolate/template.json"', root)).toBe(
    '1879048192:1879048192\n1879049192:1879049193\n1879048192:1879048192\n',
  );
  expect(await askInside(root, ['getcap', 'usr/bin/capable'])).toBe('usr/bin/capable cap_net_raw=ep\n');
  // A copy of it elsewhere has the natural owners again.
  const copy = await fillNew(root);
  expect(describe(copy.root)).toBe(describe(expected));
  sh('umount "$1/merged" "$1"', place);
});
