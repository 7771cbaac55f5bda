import { join } from 'node:path';

import { IsolateError } from '../../error.ts';
import type { RunCommand } from '../../process/command.ts';
import { openClones } from '../clones/driver.ts';
import { homeLayout } from '../clones/home.ts';
import { type CloneDirectory, identifyByInode } from '../clones/kind.ts';
import { treePath, treeRootfs } from '../clones/tree.ts';
import type { StorageDriver } from '../driver.ts';
import type { TreeCommand } from '../tree-command.ts';
import { dropSubvolumes, readSubvolumes, snapshotTwice } from './subvolumes.ts';

export interface BtrfsOptions extends TreeCommand {
  readonly stateDirectory: string;
  readonly canIdmap: (path: string) => boolean;
  /** Runs a program with the ids of the caller's sandboxes, which subvolumes of a run may belong to. */
  readonly runWithIds: RunCommand;
  /** Removes a whole tree; a plain user's may contain files of subordinate ids, which only a user namespace can remove. */
  readonly removeTree: (path: string) => Promise<void>;
}

/** Beside the tree: the template as it was. */
const base = 'base';

/**
 * Snapshots of a subvolume of btrfs. Each clone has two: one that stays as the template was, and one of that, which the run changes. What
 * identifies a clone is the UUID of the latter. Users may make them of their own subvolumes.
 */
export function openBtrfs(template: string, options: BtrfsOptions): StorageDriver {
  const { stateDirectory, canIdmap } = options;
  return openClones({
    name: 'btrfs',
    template,
    layout: homeLayout('btrfs', template, stateDirectory),
    probe: async () => {
      const [found = null] = await readSubvolumes(options, [template]);
      if (found === null) throw new IsolateError('template-not-filesystem', `The template ${template} is not a subvolume of btrfs.`);
      return { implementation: 'btrfs', version: '' };
    },
    checkPlace: () => {},
    fill: (directory) => snapshotTwice(options, { from: template, directory, base, name: 'root' }),
    rootfs: (directory, facts) => treeRootfs(directory, facts, canIdmap(treePath(directory))),
    identify: (directories) => identify(options, directories),
    // The snapshots were committed when they were made.
    flush: async () => {},
    remove: (directory) => remove(options, directory),
    openChanges: (directory, seenAt, createdMs) => ({
      base: join(directory, base),
      other: seenAt,
      form: { kind: 'trees', sameInodesSinceMs: createdMs },
      close: async () => {},
    }),
  });
}

/** A crash may have left a directory without its snapshots. */
async function identify(options: BtrfsOptions, directories: readonly CloneDirectory[]): Promise<readonly string[]> {
  const found = await readSubvolumes(
    options,
    directories.map(({ path }) => treePath(path)),
  );
  const numbers = await identifyByInode(directories);
  return directories.map((_directory, index) => found[index]?.uuid ?? numbers[index] ?? '');
}

async function remove(options: BtrfsOptions, directory: string): Promise<void> {
  const names = ['root', base];
  const found = await readSubvolumes(
    options,
    names.map((name) => join(directory, name)),
  );
  const known = names.flatMap((name, index) => {
    const uuid = found[index]?.uuid;
    return uuid === undefined ? [] : [{ uuid, name }];
  });
  for (const left of await dropSubvolumes({ ...options, run: options.runWithIds }, directory, known)) await options.removeTree(left);
  await options.removeTree(directory);
}
