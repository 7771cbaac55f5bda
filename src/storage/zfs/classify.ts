import { IsolateError } from '../../error.ts';
import type { ErrorCode } from '../../error.ts';
import { poolOf } from './names.ts';

/** What a failed zfs or zpool command means. `unknown` becomes a generic error that carries the text. */
export type ZfsFailure =
  | 'no-daemon'
  | 'no-module'
  | 'not-permitted'
  | 'missing'
  | 'exists'
  | 'busy'
  | 'has-children'
  | 'has-clones'
  | 'already-mounted'
  | 'not-mounted'
  | 'no-mountpoint'
  | 'wrong-type'
  | 'key-not-loaded'
  | 'suspended'
  | 'full'
  | 'no-such-command'
  | 'unknown';

/**
 * What zfs-fuse 0.7 and OpenZFS 2.1 to 2.4 print under LC_ALL=C (libzfs_util.c: libzfs_error_description, zfs_standard_error;
 * libzfs_util_os.c: libzfs_error_init). Every phrase contains a blank, which a dataset's name cannot.
 */
const patterns: readonly (readonly [RegExp, ZfsFailure])[] = [
  [/zfs-fuse daemon is running|^connect: (No such file or directory|Connection refused)/m, 'no-daemon'],
  [
    /ZFS modules (are not |cannot be auto-)loaded|The \/dev\/zfs device is missing|\/dev\/zfs and \/proc\/self\/mounts are required/,
    'no-module',
  ],
  [/[Pp]ermission denied|may only be (un)?mounted by root|Operation not permitted/, 'not-permitted'],
  [/pool I\/O is currently suspended|pool is currently unavailable/, 'suspended'],
  [/out of space|No space left on device|Disk quota exceeded/, 'full'],
  [/dataset already exists|pool or dataset exists/, 'exists'],
  [/has dependent clones/, 'has-clones'],
  [/(filesystem|dataset) has children/, 'has-children'],
  [/filesystem already mounted/, 'already-mounted'],
  [/not currently mounted/, 'not-mounted'],
  [/no mountpoint set|legacy mountpoint|'canmount' property is set to 'off'/, 'no-mountpoint'],
  [/encryption key not loaded|key is not loaded/, 'key-not-loaded'],
  [/dataset is busy|target is busy|Device or resource busy/, 'busy'],
  [/operation not applicable to datasets of this type|parent is not a filesystem/, 'wrong-type'],
  [/dataset does not exist|no such pool|parent does not exist|no such parent/, 'missing'],
  [/unrecognized command|invalid option/, 'no-such-command'],
];

/** Reads the standard error of zfs or zpool. */
export function classifyZfs(stderr: string): ZfsFailure {
  return patterns.find(([pattern]) => pattern.test(stderr))?.[1] ?? 'unknown';
}

const codes: Readonly<Partial<Record<ZfsFailure, ErrorCode>>> = {
  'no-daemon': 'missing-tool',
  'no-module': 'missing-tool',
  'not-permitted': 'not-permitted',
  missing: 'template-missing',
  exists: 'dataset-exists',
  busy: 'dataset-busy',
  'wrong-type': 'template-not-filesystem',
  'no-mountpoint': 'template-not-mounted',
  'not-mounted': 'template-not-mounted',
  'key-not-loaded': 'key-not-loaded',
  suspended: 'pool-suspended',
  full: 'pool-full',
};

/** The error for a zfs or zpool command that failed on `object`, a dataset, snapshot or pool; `failure`: what the caller knows better. */
export function zfsError(object: string, stderr: string, failure = classifyZfs(stderr)): IsolateError {
  const { message, hint } = sentence(object, failure, stderr);
  return new IsolateError(codes[failure] ?? 'storage-failed', message, hint === undefined ? {} : { hint });
}

function sentence(object: string, failure: ZfsFailure, stderr: string): { message: string; hint?: string } {
  switch (failure) {
    case 'no-daemon':
      return { message: `The zfs-fuse daemon is not running, so ${object} cannot be reached.`, hint: 'start it: systemctl start zfs-fuse' };
    case 'no-module':
      return { message: `The ZFS kernel module is not loaded, so ${object} cannot be reached.`, hint: 'modprobe zfs' };
    case 'not-permitted':
      return { message: `ZFS does not let this user use ${object}.`, hint: 'run isolate as root' };
    case 'missing':
      return { message: `There is no dataset ${object}.`, hint: 'zfs list shows the existing ones' };
    case 'exists':
      return { message: `Dataset ${object} already exists.` };
    case 'busy':
      return { message: `Dataset ${object} is still in use.`, hint: 'isolate status names the processes that hold it' };
    case 'wrong-type':
      return { message: `Dataset ${object} is not a file system.` };
    case 'no-mountpoint':
      return { message: `Dataset ${object} has no usable mountpoint.`, hint: `zfs set mountpoint=DIRECTORY ${object}` };
    case 'not-mounted':
      return { message: `Dataset ${object} is not mounted.`, hint: `zfs mount ${object}` };
    case 'key-not-loaded':
      return { message: `The encryption key of ${object} is not loaded.`, hint: 'zfs load-key -r, then zfs mount' };
    case 'suspended':
      return {
        message: `The pool of ${object} is suspended: its devices do not answer.`,
        hint: 'zpool status names the device, zpool clear resumes',
      };
    case 'full':
      return fullPool(object);
    default:
      return { message: `zfs failed on ${object}: ${firstLine(stderr)}.` };
  }
}

/** The name of the new clone does not matter: the pool is full, or a quota in it. */
function fullPool(object: string): { message: string; hint: string } {
  const template = /^(.+)_[0-9]{19,20}$/.exec(object)?.[1];
  const pool = poolOf(object);
  if (template === undefined)
    return { message: `The pool ${pool} has no space left for ${object}.`, hint: 'destroy what is not needed, or add a device' };
  return {
    message: `The pool ${pool} has no space left for clones of ${template}.`,
    hint: `isolate refresh --skip-create ${template} destroys used clones`,
  };
}

function firstLine(stderr: string): string {
  const line = stderr
    .split('\n')
    .find((text) => text.trim() !== '')
    ?.trim();
  return (line ?? 'it printed no reason').replaceAll(/\p{Cc}/gu, '?').replace(/\.$/, '');
}
