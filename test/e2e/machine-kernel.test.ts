import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { debianKernel, type DistributionKernel } from '../rig/debian-kernel.ts';
import { ended, isolate } from '../rig/isolate.ts';
import { machineProcesses } from '../rig/machines.ts';
import { addMember, type Member, runAs } from '../rig/members.ts';
import { busyboxRootfs, copyRootfs } from '../rig/rootfs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'isolate-machine-kernel-'));
const root = join(scratch, 'root');
/** By release, with those modules only that a machine may load, each compressed in another way than the one before. */
const modules = join(scratch, 'modules');
const needed =
  'virtio virtio_ring virtio_pci virtio_pci_modern_dev virtio_pci_legacy_dev virtio_console 9pnet 9pnet_virtio netfs fscache 9p virtio_blk crc32c_generic crc16 mbcache jbd2 ext4 failover net_failover virtio_net'.split(
    ' ',
  );
const compressed = [[], ['gzip', '-n'], ['xz', '--check=crc32'], ['zstd', '-q', '--rm']] as const;
let distribution: DistributionKernel;
let image = '';
let release = '';
let member: Member;

beforeAll(async () => {
  chmodSync(scratch, 0o755);
  await busyboxRootfs(root);
  distribution = await debianKernel();
  ({ image, release } = distribution);
  const from = join(distribution.modules, release);
  for (const name of ['modules.builtin', 'modules.order']) cpModule(from, name);
  const found = readdirSync(from, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const [, module = ''] = /([^/]+)\.ko(?:\.\w+)?$/.exec(name) ?? [];
    return needed.includes(module.replaceAll('-', '_'));
  });
  for (const [index, name] of found.toSorted().entries()) {
    const [program, ...options] = compressed[index % compressed.length] ?? [];
    const to = cpModule(from, name);
    // What is compressed already stays as it is.
    if (program !== undefined && to.endsWith('.ko')) execFileSync(program, [...options, to]);
  }
  member = await addMember(54_621, { subordinate: 1_613_000_000 });
}, 300_000);
afterAll(() => rmSync(scratch, { recursive: true }));

function cpModule(from: string, name: string): string {
  const to = join(modules, release, name);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(from, name), to);
  return to;
}

const ephemeral = (...options: string[]): string[] => ['-q', '-e', 'kvm', '-t', root, '--ephemeral', ...options];
const run = (options: readonly string[], script: string) => isolate([...ephemeral(...options), '--', 'sh', '-c', script]);

test("a distribution's kernel boots, whose modules are compressed in four ways, and has its disks, its network and its modules", async () => {
  const ownRoot = join(member.home, 'root');
  await copyRootfs(root, ownRoot);
  const disk = join(member.home, 'disk');
  execFileSync('truncate', ['-s', '16M', disk]);
  execFileSync('mkfs.ext4', ['-q', '-F', disk]);
  execFileSync('chown', ['-hR', `${member.uid}:${member.uid}`, ownRoot, disk]);
  const script = `uname -r; echo x > /mnt/x && ls /dev/disk/by-tag /mnt; cat /sys/class/net/eth0/operstate; ls /lib/modules; touch /lib/modules/${release}/x; exit 7`;
  const options = ['--kernel', image, '--modules', modules, '--disk', `a=${disk},ro`, '--mount', `host-image:/mnt=${disk}.copy`, '-n'];
  execFileSync('install', ['-o', member.name, disk, `${disk}.copy`]);
  const answer = await runAs(member, ['-q', '-e', 'kvm', '-t', ownRoot, '--ephemeral', ...options, '--', 'sh', '-c', script]);
  expect(answer).toEqual(
    ended(
      7,
      `${release}\n/dev/disk/by-tag:\na\n\n/mnt:\nlost+found\nx\nup\n${release}\n`,
      `touch: /lib/modules/${release}/x: Read-only file system\n`,
    ),
  );
});

test('what was made of a kernel is kept, and made again when the kernel or a module is another one', async () => {
  const cache = '/var/cache/isolate/kernels';
  // The plan is enough: nothing is booted for it.
  const plan = () => isolate(['--dry-run', ...ephemeral('--kernel', image, '--modules', modules), '--', 'true']);
  const kept = () => readdirSync(cache).map((name) => [name, statSync(join(cache, name, 'initramfs')).ino]);
  expect(await plan()).toMatchObject({ status: 0 });
  const first = kept();
  expect(first).toHaveLength(1);
  expect(await plan()).toMatchObject({ status: 0 });
  expect(kept()).toEqual(first);
  const touched = join(modules, release, 'kernel/fs/9p', readdirSync(join(modules, release, 'kernel/fs/9p'))[0] ?? '');
  execFileSync('touch', [touched]);
  expect(await plan()).toMatchObject({ status: 0 });
  expect(kept()).toHaveLength(2);
});

test('a root whose changes stay gets no directory for the modules', async () => {
  const shows = async (...options: string[]) => {
    const { status, stdout } = await isolate([
      '--dry-run',
      '-q',
      '-e',
      'kvm',
      '--kernel',
      image,
      '--modules',
      modules,
      ...options,
      '--',
      'true',
    ]);
    return [status, stdout.includes(`/lib/modules/${release}`)];
  };
  const closed = join(scratch, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  await copyRootfs(root, join(closed, 'root'));
  expect(await shows('-t', root, '--ephemeral')).toEqual([0, true]);
  expect(await shows('-t', root, '--read-only')).toEqual([0, true]);
  expect(await shows('-t', join(closed, 'root'))).toEqual([0, false]);
  expect(await shows('-t', root, '--ephemeral', '--keep=x')).toEqual([0, false]);
});

test('a module that the kernel refuses ends the run, and its name is said', async () => {
  const other = join(scratch, 'other');
  cpSync(join(distribution.modules, release, 'kernel/drivers/char'), join(other, release, 'char'), { recursive: true });
  cpSync(modules, other, { recursive: true });
  for (const name of readdirSync(other, { recursive: true, encoding: 'utf8' })) {
    if (/kernel\/drivers\/char\/virtio_console\.ko/.test(name)) rmSync(join(other, name));
  }
  const path = join(other, release, 'char/virtio_console.ko');
  const wrong = readFileSync(path, 'latin1').replace(`vermagic=${release}`, `vermagic=${release.replace(/\d/, '9')}`);
  writeFileSync(path, wrong, 'latin1');
  const { status, stdout, stderr } = await run(['--kernel', image, '--modules', other], 'echo ran');
  expect([status, stdout]).toEqual([125, '']);
  expect(stderr).toMatch(
    /isolate: the kernel module \d+-virtio_console cannot be loaded: (?:Exec format error|Key was rejected by service)\n/,
  );
  expect(machineProcesses()).toEqual([]);
});

test('damaged modules and kernels are refused before anything starts', async () => {
  const broken = join(scratch, 'broken');
  cpSync(modules, broken, { recursive: true });
  const packed = readdirSync(broken, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ko\.(?:gz|xz|zst)$/.test(name));
  for (const name of packed) {
    const path = join(broken, name);
    const bytes = readFileSync(path);
    bytes.fill(0x55, bytes.length >> 1);
    writeFileSync(path, bytes);
  }
  expect(await run(['--kernel', image, '--modules', broken], 'true')).toEqual(
    ended(125, '', expect.stringMatching(/^isolate: \S+\.ko\.(?:gz|xz|zst) cannot be unpacked: its compressed contents are damaged\.\n/)),
  );
  for (const name of packed) writeFileSync(join(broken, name.replace(/\.(?:gz|xz|zst)$/, '')), 'nothing');
  for (const name of packed) rmSync(join(broken, name));
  expect(await run(['--kernel', image, '--modules', broken], 'true')).toEqual(
    ended(125, '', expect.stringMatching(/^isolate: \S+\.ko is no kernel module\.\n/)),
  );
  const bytes = readFileSync(image);
  bytes.fill(0x55, bytes.length >> 1);
  writeFileSync(join(scratch, 'vmlinuz'), bytes);
  expect(await run(['--kernel', join(scratch, 'vmlinuz')], 'true')).toEqual(
    ended(
      125,
      '',
      expect.stringContaining(`isolate: ${join(scratch, 'vmlinuz')} cannot be unpacked: its compressed contents are damaged.\n`),
    ),
  );
});

test('a kernel that cannot share files says so', async () => {
  const bare = join(scratch, 'bare');
  mkdirSync(join(bare, release), { recursive: true });
  writeFileSync(join(bare, release, 'modules.builtin'), 'kernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/char/virtio_console.ko\n');
  expect(await run(['--kernel', image, '--modules', bare], 'true')).toEqual(
    ended(
      125,
      '',
      `isolate: The kernel ${release} has no 9pnet_virtio, neither built in nor as a module in ${bare}/${release}.
hint: use a general kernel, such as linux-image-amd64; cloud kernels often lack 9p
`,
    ),
  );
});

test.each([
  [['--kernel', '/not/there'], 'The kernel /not/there cannot be read.'],
  [['--kernel', '/bin/busybox'], '/bin/busybox is no kernel that a machine can boot: it was built without CONFIG_PVH.'],
  [['--kernel', '/etc/passwd'], '/etc/passwd is no kernel that a machine can boot: it is neither a bzImage nor an ELF file.'],
  [['--kernel-version', '1.2.3-none'], 'The kernel /boot/vmlinuz-1.2.3-none cannot be read.'],
  [['--kernel-version', '../../etc/passwd'], '"../../etc/passwd" is not the release of a kernel.'],
  [['--modules', '/lib/modules'], '--modules needs --kernel or --kernel-version.'],
])('%j is refused before anything starts', async (options, why) => {
  expect(await run(options, 'echo ran')).toEqual(ended(125, '', expect.stringContaining(`isolate: ${why}\n`)));
});
