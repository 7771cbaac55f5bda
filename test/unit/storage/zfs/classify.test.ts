import { expect, test } from 'vitest';
import { classifyZfs, zfsError } from '../../../../src/storage/zfs/classify.ts';

/**
 * Standard error as zfs and zpool printed it; `fuse` is zfs-fuse 0.7.0, `2.3.9` and `2.4.4` are OpenZFS of those releases (recorded by
 * test/openzfs), `open` is from the sources of OpenZFS 2.1 to 2.4.
 */
const recorded = [
  [
    'fuse',
    'no-daemon',
    'connect: No such file or directory\nPlease make sure that the zfs-fuse daemon is running.\ninternal error: failed to initialize ZFS library\n',
  ],
  ['fuse', 'not-permitted', 'connect: Permission denied\ninternal error: failed to initialize ZFS library\n'],
  ['fuse', 'missing', "cannot open 'p/none': dataset does not exist\n"],
  ['fuse', 'missing', "cannot create 'p/n/t_2': parent does not exist\n"],
  ['fuse', 'missing', "cannot create 'q/t': no such pool 'q'\n"],
  ['fuse', 'missing', "cannot open 'nopool': no such pool\n"],
  ['fuse', 'exists', "cannot create 'p/t_1': dataset already exists\n"],
  ['fuse', 'has-clones', "cannot destroy 'p/t@s2': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\np/t_1\n"],
  ['fuse', 'has-children', "cannot destroy 'p/t_1': filesystem has children\nuse '-r' to destroy the following datasets:\np/t_1@auto\n"],
  ['fuse', 'busy', "cannot destroy 'p/t_1': dataset is busy\n"],
  ['fuse', 'busy', "umount: /pool/t_2: target is busy.\ncannot unmount '/pool/t_2': umount failed: umount child process failed\n"],
  ['fuse', 'not-mounted', "cannot unmount 'p/t_1': not currently mounted\n"],
  ['fuse', 'already-mounted', "cannot mount 'p/t': filesystem already mounted\n"],
  ['fuse', 'no-mountpoint', "cannot mount 'p/t_5': no mountpoint set\n"],
  ['fuse', 'no-mountpoint', "cannot mount 'p/leg': legacy mountpoint\nuse mount(1M) to mount this filesystem\n"],
  ['fuse', 'full', "cannot create 'p/t_4': out of space\n"],
  ['fuse', 'full', "cannot create snapshot 'p/t@full': out of space\n"],
  ['fuse', 'wrong-type', "cannot open 'p/t': operation not applicable to datasets of this type\n"],
  ['fuse', 'no-such-command', "unrecognized command 'version'\nusage: zfs command args ...\n"],
  ['fuse', 'no-such-command', "invalid option 'u'\nusage:\n\tclone [-p] [-o property=value] ... <snapshot> <filesystem|volume>\n"],
  ['open', 'no-module', "The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n"],
  [
    'open',
    'no-module',
    "/dev/zfs and /proc/self/mounts are required.\nTry running 'udevadm trigger' and 'mount -t proc proc /proc' as root.\n",
  ],
  ['open', 'not-permitted', "cannot create 'tank/a': permission denied\n"],
  ['open', 'not-permitted', 'filesystem successfully created, but it may only be mounted by root\n'],
  ['open', 'suspended', "cannot create 'tank/a': pool I/O is currently suspended\n"],
  ['2.3.9', 'missing', "cannot open 'tank/none': dataset does not exist\n"],
  ['2.3.9', 'missing', "cannot open 'tank/texts/t@none': dataset does not exist\n"],
  ['2.3.9', 'missing', "cannot create 'tank/none/t_2': parent does not exist\n"],
  ['2.3.9', 'missing', "cannot open 'nopool': no such pool\n"],
  ['2.3.9', 'exists', "cannot create 'tank/texts/t_1': dataset already exists\n"],
  ['2.3.9', 'full', "cannot create 'small/t/t_1795312244000000023': out of space\n"],
  ['2.3.9', 'busy', "cannot destroy 'tank/busy/t_1795312244000000008': dataset is busy\n"],
  ['2.3.9', 'busy', "cannot unmount '/run/clones/1795312244000000009': pool or dataset is busy\n"],
  ['2.3.9', 'not-mounted', "cannot unmount 'tank/texts/t_1': not currently mounted\n"],
  ['2.3.9', 'already-mounted', "cannot mount 'tank/texts/t': filesystem already mounted\n"],
  ['2.3.9', 'no-mountpoint', "cannot mount 'tank/texts/t_1': 'canmount' property is set to 'off'\n"],
  ['2.3.9', 'no-mountpoint', "cannot mount 'tank/texts/t_1': legacy mountpoint\nuse mount(8) to mount this filesystem\n"],
  ['2.3.9', 'no-mountpoint', "cannot mount 'tank/texts/t_1': no mountpoint set\n"],
  ['2.3.9', 'key-not-loaded', "cannot mount 'tank/secret/t_1795312244000000021': encryption key not loaded\n"],
  ['2.3.9', 'not-permitted', 'Permission denied the ZFS utilities must be run as root.\n'],
  [
    '2.3.9',
    'has-children',
    "cannot destroy 'tank/texts/t': filesystem has children\nuse '-r' to destroy the following datasets:\ntank/texts/t@1\n",
  ],
  [
    '2.3.9',
    'has-clones',
    "cannot destroy 'tank/texts/t@1': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\ntank/texts/t_1\n",
  ],
  [
    '2.3.9',
    'no-such-command',
    "unrecognized command 'frobnicate'\nusage: zfs command args ...\nwhere 'command' is one of the following:\n",
  ],
  ['2.3.9', 'no-such-command', "invalid option 'y'\nusage:\n\tclone [-p] [-o property=value] ... <snapshot> <filesystem|volume>\n"],
  ['2.4.4', 'suspended', "cannot open 'ill/t/t': pool I/O is currently suspended\n"],
  ['2.4.4', 'no-such-command', "invalid option 'y'\nusage:\n\tclone [-pu] [-o property=value] ... <snapshot> <filesystem|volume>\n"],
  ['any', 'unknown', 'cannot frobnicate: the moon is full\n'],
  ['any', 'unknown', ''],
] as const;

test.each(recorded)('%s: %s is read from %j', (_implementation, failure, stderr) => {
  expect(classifyZfs(stderr)).toBe(failure);
});

test.each([
  [
    'tank/a/tpl_17958292817030000000',
    'The pool tank has no space left for clones of tank/a/tpl.',
    'isolate refresh --skip-create tank/a/tpl destroys used clones',
  ],
  ['tank/a/tpl', 'The pool tank has no space left for tank/a/tpl.', 'destroy what is not needed, or add a device'],
])('the error about a full pool for %s names the pool and the template', (dataset, message, hint) => {
  const error = zfsError(dataset, `cannot create '${dataset}': out of space\n`);
  expect({ code: error.code, message: error.message, hint: error.hint }).toEqual({ code: 'pool-full', message, hint });
});

test('passes an unknown text on without control characters', () => {
  const { code, message } = zfsError('tank/tpl', '\n\u001b[31mcannot frobnicate: \u0007no\nmore\n');
  expect({ code, message }).toEqual({ code: 'storage-failed', message: 'zfs failed on tank/tpl: ?[31mcannot frobnicate: ?no.' });
});

test('tells that the zfs-fuse daemon is not running', () => {
  const { code, message } = zfsError('tank/tpl', recorded[0][2]);
  expect({ code, message }).toEqual({
    code: 'missing-tool',
    message: 'The zfs-fuse daemon is not running, so tank/tpl cannot be reached.',
  });
});
