import { mkdir, statfs } from 'node:fs/promises';

import { IsolateError } from '../../error.ts';
import { btrfsMagic } from '../../host/filesystem.ts';
import type { RunCommand } from '../../process/command.ts';
import { openClones } from '../clones/driver.ts';
import { homeLayout } from '../clones/home.ts';
import { identifyByInode } from '../clones/kind.ts';
import { treePath, treeRootfs } from '../clones/tree.ts';
import type { StorageDriver } from '../driver.ts';
import { runTreeCommand, type TreeCommand } from '../tree-command.ts';

export interface DirOptions extends TreeCommand {
  readonly stateDirectory: string;
  readonly canIdmap: (path: string) => boolean;
  /** Copies a tree into an empty directory; each file shares its blocks with the original, or it throws. */
  readonly copyTree: (from: string, to: string) => Promise<void>;
  /** Runs a program with the ids of the caller's sandboxes, which subvolumes of a run may belong to. */
  readonly runWithIds: RunCommand;
  /** Removes a whole tree; a plain user's may contain files of subordinate ids, which only a user namespace can remove. */
  readonly removeTree: (path: string) => Promise<void>;
}

const flushMs = 60_000;

/** Copies of a directory whose files share their blocks with it, on file systems that can do that: xfs, btrfs. */
export function openDir(template: string, options: DirOptions): StorageDriver {
  const { run, stateDirectory, canIdmap, copyTree } = options;
  return openClones({
    name: 'dir',
    template,
    layout: homeLayout('dir', template, stateDirectory),
    probe: async () => ({ implementation: 'reflinks', version: '' }),
    checkPlace: () => {},
    fill: async (directory) => {
      await mkdir(treePath(directory), { mode: 0o700 });
      await copyTree(template, treePath(directory));
    },
    rootfs: (directory, facts) => treeRootfs(directory, facts, canIdmap(treePath(directory))),
    identify: identifyByInode,
    flush: async (directory) => {
      const { exitCode, stderr } = await run({ file: '/bin/sync', args: ['--file-system', directory], timeoutMs: flushMs });
      if (exitCode !== 0) throw new IsolateError('storage-failed', `${directory} cannot be written to disk: ${stderr.trim()}.`);
    },
    remove: (directory) => remove(options, directory),
    openChanges: (_directory, seenAt) => ({
      base: template,
      other: seenAt,
      form: { kind: 'trees', sameInodesSinceMs: null },
      close: async () => {},
    }),
  });
}

/** A run may have made subvolumes of btrfs, which are removed apart from the tree that they are in. */
async function remove({ tree, runWithIds, removeTree }: DirOptions, directory: string): Promise<void> {
  if ((await statfs(directory)).type === btrfsMagic) {
    const words = ['drop-below', directory];
    const left = await runTreeCommand({ tree, run: runWithIds }, words, `The subvolumes in ${directory} cannot be removed`);
    for (const path of left) await removeTree(path);
  }
  await removeTree(directory);
}
