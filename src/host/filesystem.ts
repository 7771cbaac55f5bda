import { isAtLeast, type Release } from './kernel-release.ts';

/** The first kernel on which a file system, by statfs(2) magic, can be mounted idmapped (FS_ALLOW_IDMAP in its source). */
const idmappableSince: ReadonlyMap<number, readonly [major: number, minor: number]> = new Map([
  [0xef53, [5, 12]], // ext2, ext3, ext4
  [0x4d44, [5, 12]], // fat
  [0x5846_5342, [5, 12]], // xfs
  [0x9123_683e, [5, 15]], // btrfs
  [0x7366_746e, [5, 15]], // ntfs3
  [0xf2f5_2010, [5, 18]], // f2fs
  [0xe0f5_e1e2, [5, 19]], // erofs
  [0x7371_7368, [6, 2]], // squashfs
  [0x0102_1994, [6, 3]], // tmpfs; devtmpfs has the same magic and never can
  [0x00c3_6400, [6, 7]], // ceph
] as const);

export const tmpfsMagic = 0x0102_1994;
export const zfsMagic = 0x2fc1_2fc1;
export const btrfsMagic = 0x9123_683e;

const names: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x4d44, 'fat'],
  [0x5846_5342, 'xfs'],
  [btrfsMagic, 'btrfs'],
  [0x7366_746e, 'ntfs3'],
  [0xf2f5_2010, 'f2fs'],
  [0xe0f5_e1e2, 'erofs'],
  [0x7371_7368, 'squashfs'],
  [tmpfsMagic, 'tmpfs'],
  [0x00c3_6400, 'ceph'],
  [zfsMagic, 'zfs'],
  [0x794c_7630, 'overlay'],
  [0x6573_5546, 'fuse'],
  [0x6969, 'nfs'],
]);

/** What `idmappableFilesystem` depends on. */
export interface FilesystemFacts {
  /** `type` of statfs(2). */
  readonly magic: number;
  readonly kernel: Release | null;
  /** Version of the loaded zfs module; null: none is loaded. */
  readonly zfs: Release | null;
  /** The file system is really devtmpfs. */
  readonly devtmpfs: boolean;
}

/**
 * Whether a file system can be mounted idmapped (mount_setattr(2)). overlayfs only takes idmapped layers and FUSE needs
 * the consent of its server, so both count as not; OpenZFS can since 2.2 on kernels that have idmapped mounts at all.
 */
export function idmappableFilesystem(facts: FilesystemFacts): boolean {
  if (facts.devtmpfs) return false;
  if (facts.magic === zfsMagic) return isAtLeast(facts.kernel, 5, 12) && isAtLeast(facts.zfs, 2, 2);
  const since = idmappableSince.get(facts.magic);
  return since !== undefined && isAtLeast(facts.kernel, ...since);
}

/** Whether a file system, by statfs(2) magic, is known to refuse the upper layer of an overlay (overlayfs.rst, "Upper and Lower"). */
export function refusesUpperLayers(magic: number): boolean {
  return ['overlay', 'nfs', 'fat'].includes(filesystemName(magic));
}

/** Whether what has this status is the root of a subvolume of btrfs, where each has the same inode. */
export function isSubvolumeRoot({ magic, inode }: { readonly magic: number; readonly inode: number }): boolean {
  return magic === btrfsMagic && inode === 256;
}

/** The usual name of a file system's magic, else the number as statfs(2) documents them. */
export function filesystemName(magic: number): string {
  return names.get(magic) ?? `0x${magic.toString(16)}`;
}
