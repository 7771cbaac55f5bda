import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { ended, finished, isolate, startIsolate } from '../rig/isolate.ts';
import { machineProcesses } from '../rig/machines.ts';
import { addMember, type Member, runAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'isolate-machine-disks-'));
const root = join(scratch, 'root');
const shared = join(scratch, 'shared');
let member: Member;
const raw = join(scratch, 'data.img');
const qcow2 = join(scratch, 'data.qcow2');
const blank = join(scratch, 'blank');

beforeAll(async () => {
  await busyboxRootfs(root);
  mkdirSync(shared);
  writeFileSync(join(shared, 'file'), 'of the host\n');
  execFileSync('chown', ['-R', '1000:1000', shared]);
  member = await addMember(54_611, { subordinate: 1_612_000_000 });
});
beforeEach(() => {
  for (const file of [raw, qcow2, blank]) rmSync(file, { force: true });
  execFileSync('truncate', ['-s', '16M', raw, blank]);
  execFileSync('mkfs.ext4', ['-q', '-F', raw]);
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
});
afterAll(() => rmSync(scratch, { recursive: true }));

const run = (options: readonly string[], script: string) =>
  isolate(['-q', '-e', 'kvm', '-t', root, '--ephemeral', ...options, '--', 'sh', '-c', script]);

/** A file of the file system in an image, which is read without its journal. */
function readImage(image: string, file: string): string {
  const plain = join(scratch, 'plain');
  execFileSync('qemu-img', ['convert', '-O', 'raw', image, plain]);
  const features = execFileSync('dumpe2fs', ['-h', plain], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  expect(features).not.toContain('needs_recovery');
  return execFileSync('debugfs', ['-R', `cat ${file}`, plain], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

test.each([
  ['raw', raw],
  ['qcow2', qcow2],
])('what is written to the file system of a %s image is in it when the run ends, and the next run finds it', async (_, image) => {
  const options = ['--mount', `host-image:/mnt/a=${image}`];
  expect(await run(options, 'echo one > /mnt/a/f; sleep 1000 & exec 3>> /mnt/a/open; echo two >&3')).toEqual(ended(0));
  expect([readImage(image, 'f'), readImage(image, 'open')]).toEqual(['one\n', 'two\n']);
  expect(await run([...options.slice(0, 1), `${options[1] ?? ''},ro`], 'cat /mnt/a/f; { echo no > /mnt/a/f; } 2>&1')).toEqual(
    ended(1, "one\nsh: can't create /mnt/a/f: Read-only file system\n"),
  );
  expect(readImage(image, 'f')).toBe('one\n');
});

test('disks are there by their tags, as large as their images, and writable unless they are read-only', async () => {
  const script = `cd /dev/disk/by-tag; ls; for each in *; do cat /sys/class/block/$(basename $(readlink $each))/size; done
    printf 'on the disk' > cache; { echo no > old; } 2>&1; head -c 4 old | od -An -c`;
  expect(await run(['--disk', `cache=${blank}`, '--disk', `old=${qcow2},ro`], script)).toEqual(
    ended(0, 'cache\nold\n32768\n32768\nsh: write error: Operation not permitted\n  \\0  \\0  \\0  \\0\n'),
  );
  expect(readFileSync(blank, { encoding: 'latin1' }).replaceAll('\0', '')).toBe('on the disk');
});

test('file systems of ext2 and ext3 are mounted as well', async () => {
  execFileSync('mkfs.ext2', ['-q', '-F', blank]);
  execFileSync('mkfs.ext3', ['-q', '-F', raw]);
  const options = ['--mount', `host-image:/two=${blank}`, '--mount', `host-image:/three=${raw}`];
  expect(await run(options, 'echo 2 > /two/f; echo 3 > /three/f')).toEqual(ended(0));
  expect([readImage(blank, 'f'), readImage(raw, 'f')]).toEqual(['2\n', '3\n']);
});

test('what is written to a qcow2 disk is in its image when the run ends, also if nobody asked for that', async () => {
  expect(
    await run(['--disk', `a=${qcow2}`], 'printf "on the disk" | dd of=/dev/disk/by-tag/a bs=1k seek=8000 2> /dev/null; exit 3'),
  ).toEqual(ended(3));
  const plain = join(scratch, 'plain');
  execFileSync('qemu-img', ['convert', '-O', 'raw', qcow2, plain]);
  expect(readFileSync(plain).toString('latin1', 8000 * 1024, 8000 * 1024 + 12)).toBe('on the disk\0');
  expect(execFileSync('qemu-img', ['check', qcow2], { encoding: 'utf8' })).toContain('No errors were found on the image.');
});

test.each([
  ['that runs out of time', ['--timeout', '2'], 'echo kept > /mnt/f; sleep 1000', 124],
  ['that is not there', [], '', 127],
] as const)('an image is left whole by a command %s', async (_, options, script, status) => {
  const words = script === '' ? ['/not/there'] : ['sh', '-c', script];
  const answer = await isolate([
    '-q',
    '-e',
    'kvm',
    '-t',
    root,
    '--ephemeral',
    ...options,
    '--mount',
    `host-image:/mnt=${raw}`,
    '--',
    ...words,
  ]);
  expect(answer.status).toBe(status);
  expect(readImage(raw, 'f')).toBe(script === '' ? '' : 'kept\n');
});

test('what is mounted from an image can be unmounted, mounted elsewhere, and be the working directory', async () => {
  const options = ['--mount', `host-image:/mnt=${raw}`, '--mount', 'ram:/mnt/ram=1M', '-p', '/mnt/lost+found'];
  const script =
    'pwd; cd /; umount /mnt/ram && umount /mnt && mkdir /elsewhere && mount -t ext4 /dev/vda "/elsewhere" && ls /elsewhere; echo x > /elsewhere/f';
  expect(await run(options, script)).toEqual(ended(0, '/mnt/lost+found\nlost+found\nram\n'));
  expect(readImage(raw, 'f')).toBe('x\n');
});

test.each([
  ['raw', raw],
  ['qcow2', qcow2],
])('one machine may write to a %s image, or many may read it', async (_, image) => {
  const first = startIsolate(['-q', '-e', 'kvm', '-t', root, '--ephemeral', '--disk', `a=${image}`, '--', 'sh', '-c', 'echo up; cat']);
  await once(first.stdout ?? first, 'data');
  const { status, stderr } = await run(['--disk', `a=${image},ro`], 'true');
  expect([status, stderr]).toEqual([125, expect.stringContaining('Is another process using the image')]);
  first.stdin?.end();
  expect(await finished(first)).toMatchObject({ status: 0 });
  const reader = startIsolate(['-q', '-e', 'kvm', '-t', root, '--ephemeral', '--disk', `a=${image},ro`, '--', 'sh', '-c', 'echo up; cat']);
  await once(reader.stdout ?? reader, 'data');
  expect(await run(['--disk', `a=${image},ro`], 'true')).toEqual(ended(0));
  reader.stdin?.end();
  expect(await finished(reader)).toMatchObject({ status: 0 });
});

test('a run says which images it can change', async () => {
  const options = ['--disk', `a=${blank}`, '--mount', `host-image:/mnt=${raw},ro`];
  const answer = await isolate(['-e', 'kvm', '-t', root, '--ephemeral', ...options, '--', 'true']);
  expect(answer).toEqual(ended(0, '', `isolate: Changes to ${blank} are permanent.\n`));
});

test('mounts from inside show what is mounted there, files too, and take binds themselves', async () => {
  const options = [
    ['--mount', `host-bind:/mnt=${shared}`],
    ['--mount', 'guest-bind:/a/opt=/mnt'],
    ['--mount', 'guest-bind:/file=/etc/passwd,ro'],
    ['--mount', 'ram:/a/opt/ram=1M'],
    ['--mount', 'host-bind:/empty='],
  ].flat();
  const script = `cat /a/opt/file; echo new > /a/opt/ram/x; ls /a/opt /empty; ls /mnt/ram; cmp /file /etc/passwd; { echo no >> /file; } 2>&1
    touch /empty/x && rmdir /mnt/ram`;
  const answer = await run(options, script);
  expect(answer).toEqual(
    ended(
      1,
      "of the host\n/a/opt:\nfile\nram\n\n/empty:\nsh: can't create /file: Read-only file system\n",
      expect.stringMatching(/^rmdir: .*\n$/),
    ),
  );
  rmSync(join(shared, 'ram'), { recursive: true });
});

test('ram and host-bind are mounts of every engine', async () => {
  const options = ['--mount', 'ram:/scratch=4M', '--mount', `host-bind:/mnt=${shared},ro`, '--mount', 'host-bind:/empty='];
  for (const engine of ['bwrap', 'lxc', 'kvm', 'chroot']) {
    const script =
      'df -k /scratch | sed -n "2s/ \\+/ /gp" | cut -d " " -f 2; cat /mnt/file; touch /empty/x && ls /empty; { : > /mnt/new; } 2>&1';
    const kind = engine === 'chroot' ? [] : ['--ephemeral'];
    const answer = await isolate(['-q', '-e', engine, '-t', root, ...kind, ...options, '--', 'sh', '-c', script]);
    expect([engine, answer]).toEqual([engine, ended(1, "4096\nof the host\nx\nsh: can't create /mnt/new: Read-only file system\n")]);
  }
});

test('a user needs the rights to the images of a run, and no others', async () => {
  const own = join(member.home, 'own.img');
  const others = join(member.home, 'others.img');
  for (const file of [own, others]) execFileSync('install', ['-m', '0600', raw, file]);
  execFileSync('chown', [`${member.uid}:${member.uid}`, own]);
  const ownRoot = join(member.home, 'root');
  await copyRootfs(root, ownRoot);
  execFileSync('chown', ['-hR', `${member.uid}:${member.uid}`, ownRoot]);
  const options = ['-q', '-e', 'kvm', '-t', ownRoot, '--ephemeral'];
  const script = ['--', 'sh', '-c', 'ls -d /mnt/lost+found; echo x > /mnt/f'];
  expect(await runAs(member, [...options, '--mount', `host-image:/mnt=${own}`, ...script])).toEqual(ended(0, '/mnt/lost+found\n'));
  expect(readImage(own, 'f')).toBe('x\n');
  expect(await runAs(member, [...options, '--disk', `a=${others}`, ...script])).toEqual(ended(125, '', expect.stringContaining(others)));
});

test.each([
  ['a file that is no qcow2 image', ['--disk', `a=${blank},format=qcow2`], 'Image is not in qcow2 format'],
  ['an image twice', ['--disk', `a=${raw}`, '--mount', `host-image:/mnt=${raw}`], 'Is another process using the image'],
  ['an image without a file system', ['--mount', `host-image:/mnt=${blank}`], `image ${blank} 0 /mnt nosuid,nodev: Invalid argument`],
  ['a path inside that is not there', ['--mount', 'guest-bind:/mnt=/not/there'], 'inside /not/there /mnt : No such file or directory'],
  ['a file inside over a directory', ['--mount', 'guest-bind:/mnt=/etc/passwd'], 'inside /etc/passwd /mnt : Not a directory'],
])('%s ends the run before the command, and says why', async (_, options, why) => {
  const { status, stdout, stderr } = await run(options, 'echo ran');
  expect([status, stdout, stderr]).toEqual([125, '', expect.stringContaining(why)]);
  expect(machineProcesses()).toEqual([]);
});

test('a qcow2 image reaches no other file of the host', async () => {
  const secret = join(scratch, 'secret');
  writeFileSync(secret, 'secret\n'.repeat(1000));
  rmSync(qcow2);
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'raw', qcow2]);
  const { status, stderr } = await run(['--disk', `a=${qcow2}`], 'cat /dev/disk/by-tag/a');
  expect([status, stderr]).toEqual([125, expect.stringContaining(`Could not open backing file: Could not open '${secret}': No such file`)]);
});

test.each([
  ['an image that is not there', ['--disk', 'a=/not/there'], 'The image /not/there does not exist or cannot be read.'],
  ['a directory', ['--disk', 'a=/etc'], 'The image /etc is not a file but a directory.'],
  ['a tag that leads elsewhere', ['--disk', '../a=/etc/passwd'], '"../a" cannot be the tag of a disk.'],
  ['an unknown type', ['--mount', 'xx:/a=b'], 'Unknown mount type prefix on "xx:/a=b".'],
])('%s is refused before anything starts', async (_, options, why) => {
  expect(await run(options, 'echo ran')).toEqual(ended(125, '', expect.stringContaining(`isolate: ${why}\n`)));
});
