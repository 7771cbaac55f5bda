import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';

import { IsolateError } from '../error.ts';
import { btrfsMagic, filesystemName, isSubvolumeRoot, refusesUpperLayers } from '../host/filesystem.ts';
import { isAtLeast, parseRelease } from '../host/kernel-release.ts';
import type { DirectoryStorage } from '../spec/root-ref.ts';
import { readSubvolumes } from './btrfs/subvolumes.ts';
import { findHome, nearest } from './clones/home.ts';
import { runTreeCommand, type TreeCommand } from './tree-command.ts';

/** A directory that is to be cloned, and what the choice depends on. */
export interface ChoiceOptions extends TreeCommand {
  /** Durable state on disk. */
  readonly stateDirectory: string;
  readonly uid: number;
}

/**
 * What clones of a directory are made by: snapshots if it is a subvolume of btrfs that the caller may snapshot; an overlay, or where none
 * can be made, copies that share blocks. Throws `cannot-enforce` if `wanted` cannot be used. Changes nothing.
 */
export async function chooseStorage(path: string, wanted: DirectoryStorage | undefined, options: ChoiceOptions): Promise<DirectoryStorage> {
  if (wanted !== undefined) {
    const problem = wanted === 'overlay' ? null : await whyNot(wanted, path, options);
    if (problem !== null) throw problem;
    return wanted;
  }
  if (isSubvolume(path) && (await whyNot('btrfs', path, options)) === null) return 'btrfs';
  const { type } = statfsSync(nearest(options.stateDirectory));
  return refusesUpperLayers(type) && (await whyNot('dir', path, options)) === null ? 'dir' : 'overlay';
}

async function whyNot(storage: 'btrfs' | 'dir', path: string, options: ChoiceOptions): Promise<IsolateError | null> {
  try {
    await (storage === 'btrfs' ? checkSnapshots(path, options) : checkCopies(path, options));
    return null;
  } catch (error) {
    if (error instanceof IsolateError) return error;
    throw error;
  }
}

async function checkSnapshots(path: string, options: ChoiceOptions): Promise<void> {
  if (!isSubvolume(path)) {
    const { type } = statfsSync(path);
    const fact =
      type === btrfsMagic ? 'is a directory of btrfs, not a subvolume' : `is on ${filesystemName(type)}, not a subvolume of btrfs`;
    throw refuse(`${path} ${fact}, so it has no snapshots.`, 'use --storage overlay, or copy it into what btrfs subvolume create makes');
  }
  const { uid } = statSync(path);
  if (options.uid !== 0 && uid !== options.uid) {
    throw refuse(`Only root and the owner of the subvolume ${path} may make snapshots of it.`, 'use --storage overlay');
  }
  checkWritable(findHome('btrfs', path, options.stateDirectory).directory);
  const [subvolume] = await readSubvolumes(options, [path]);
  const nested = subvolume?.nested ?? null;
  if (nested === null) return;
  throw refuse(
    `There is another subvolume in ${path}, ${JSON.stringify(nested)}, which a snapshot would lack.`,
    'make a directory of it, or use --storage overlay',
  );
}

async function checkCopies(path: string, options: ChoiceOptions): Promise<void> {
  if (options.uid !== 0 && statSync(path).uid !== options.uid) {
    throw refuse(`${path} belongs to another user, whose files a copy of yours cannot have.`, 'use --storage overlay');
  }
  const { directory } = findHome('dir', path, options.stateDirectory);
  checkWritable(directory);
  // Before, files shared blocks only within one mount, and a copy is made in a sandbox that has two.
  if (!isAtLeast(parseRelease(release()), 5, 18)) {
    throw refuse('Copies whose files share blocks with the template need Linux 5.18 or later.', 'use --storage overlay');
  }
  try {
    await runTreeCommand(options, ['shares', nearest(directory)], `The files of ${path} cannot share blocks with copies`);
  } catch (cause) {
    const { type } = statfsSync(path);
    throw new IsolateError('cannot-enforce', `${path} is on ${filesystemName(type)}, where files cannot share blocks with copies.`, {
      hint: 'keep it on btrfs, or on xfs with reflinks, or use --storage overlay',
      cause,
    });
  }
}

/** The directory for the clones, or the one that it will be made in. */
function checkWritable(directory: string): void {
  const place = nearest(directory);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch {
    throw refuse(`You cannot write to ${place}, where the clones would be.`, 'use --storage overlay');
  }
}

/** Whether there is the root of a subvolume. Throws what the system says. */
export function isSubvolume(path: string): boolean {
  return isSubvolumeRoot({ magic: statfsSync(path).type, inode: statSync(path).ino });
}

function refuse(message: string, hint: string): IsolateError {
  return new IsolateError('cannot-enforce', message, { hint });
}
