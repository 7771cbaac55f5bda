import { IsolateError } from '../../error.ts';
import type { CommandResult } from '../../process/command.ts';
import { zfsError } from './classify.ts';

/** The kind of ZFS, and its features on which isolate's plans depend. */
export interface ZfsImplementation {
  readonly name: 'zfs-fuse' | 'OpenZFS';
  readonly version: string;
  /** `zfs program` can clone (zfs.sync.clone, OpenZFS 2.4): a batch is made and marked in one transaction. */
  readonly programClones: boolean;
  /** Clones can be mounted idmapped (OpenZFS 2.2). */
  readonly idmappedMounts: boolean;
}

/**
 * Recognises the implementation by what `zfs version` answered: zfs-fuse does not know the command. The kernel module's
 * version counts where both are printed, because it carries the commands out. Throws `missing-tool` if the module is
 * not loaded or ZFS is older than 2.1. `template` is what errors name.
 */
export function parseImplementation(template: string, answer: CommandResult): ZfsImplementation {
  if (answer.exitCode === 2 && answer.stderr.includes("unrecognized command 'version'")) {
    return { name: 'zfs-fuse', version: '0.7', programClones: false, idmappedMounts: false };
  }
  if (answer.exitCode !== 0) {
    throw zfsError(template, answer.stderr);
  }
  const text = /^zfs-kmod-(.+)$/m.exec(answer.stdout)?.[1] ?? /^zfs-(.+)$/m.exec(answer.stdout)?.[1] ?? '';
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  if (major === undefined || minor === undefined) {
    throw new IsolateError('missing-tool', `'zfs version' does not print a version that isolate knows: '${answer.stdout.trim()}'.`);
  }
  const since = (wantedMajor: number, wantedMinor: number): boolean =>
    Number(major) > wantedMajor || (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
  if (!since(2, 1)) {
    throw new IsolateError('missing-tool', `OpenZFS ${text} is too old; isolate works with 2.1 and later.`);
  }
  return { name: 'OpenZFS', version: text, programClones: since(2, 4), idmappedMounts: since(2, 2) };
}
