import { mkdir } from 'node:fs/promises';

import { IsolateError } from '../../error.ts';
import type { RunCommand } from '../../process/command.ts';
import { openClones } from '../clones/driver.ts';
import { findHome } from '../clones/home.ts';
import { identifyByInode } from '../clones/kind.ts';
import { cloneLayout } from '../clones/layout.ts';
import { treePath, treeRootfs } from '../clones/tree.ts';
import type { StorageDriver } from '../driver.ts';

export interface DirOptions {
  readonly run: RunCommand;
  readonly stateDirectory: string;
  readonly canIdmap: (path: string) => boolean;
  /** Copies a tree into an empty directory; each file shares its blocks with the original, or it throws. */
  readonly copyTree: (from: string, to: string) => Promise<void>;
  /** Removes a whole tree; a plain user's may contain files of subordinate ids, which only a user namespace can remove. */
  readonly removeTree: (path: string) => Promise<void>;
}

const flushMs = 60_000;

/** Copies of a directory whose files share their blocks with it, on file systems that can do that: xfs, btrfs. */
export function openDir(template: string, { run, stateDirectory, canIdmap, copyTree, removeTree }: DirOptions): StorageDriver {
  return openClones({
    name: 'dir',
    template,
    layout: cloneLayout(findHome('dir', template, stateDirectory).directory),
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
    remove: removeTree,
    openChanges: (_directory, seenAt) => ({
      base: template,
      other: seenAt,
      form: { kind: 'trees', sameInodes: false },
      close: async () => {},
    }),
  });
}
