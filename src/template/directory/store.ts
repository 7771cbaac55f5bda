import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { IsolateError } from '../../error.ts';
import { readDirectory } from '../../pool/read-directory.ts';
import { describeDirectory } from '../../storage/directory.ts';
import type { TemplateContext } from '../context.ts';
import type { Snapshot, TemplateInfo, TemplateStore } from '../store.ts';
import { tryRecord } from '../read-record.ts';
import { sizeOfTrees } from '../trees.ts';
import { attemptChange } from './attempt.ts';
import { beginDraft } from './draft.ts';
import { directoryLayout, type DirectoryLayout, parseBeside } from './layout.ts';
import { openTree } from './open-tree.ts';
import { removeDirectory, renameDirectory } from './move.ts';
import { beginReplacement } from './replace.ts';
import { rollBack } from './roll-back.ts';
import { copySnapshot, removeSnapshot } from './snapshot.ts';
import { findRuns } from './users.ts';
import { sweepParent } from './sweep.ts';

/** A template that is a directory, with its snapshots beside it. */
export function openDirectoryStore(path: string, context: TemplateContext): TemplateStore {
  const layout = directoryLayout(path);
  return {
    ref: { kind: 'directory', path },
    describe: () => describe(layout, context),
    begin: async () => {
      await sweepParent(context, layout.parent);
      return beginDraft(context, layout);
    },
    snapshots: async () => readSnapshots(layout),
    snapshot: (label) => copySnapshot(context, present(layout), label),
    removeSnapshot: (label) => removeSnapshot(context, present(layout), readSnapshots(layout), label),
    rollback: (label) => rollBack(context, present(layout), readSnapshots(layout), label),
    rename: async (to) => renameDirectory(context, present(layout), to),
    remove: () => removeDirectory(context, present(layout)),
    open: async () => openTree(present(layout).path),
    attempt: (signal) => attemptChange(signal === undefined ? context : { ...context, signal }, present(layout)),
    replace: async () => beginReplacement(context, present(layout), readSnapshots(layout)),
  };
}

/** Throws `template-missing`, `template-not-filesystem`, `not-permitted`. */
function present(layout: DirectoryLayout): DirectoryLayout {
  describeDirectory(layout.path);
  return layout;
}

async function describe(layout: DirectoryLayout, context: TemplateContext): Promise<TemplateInfo | null> {
  const { path } = layout;
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
  describeDirectory(path);
  const snapshots = readSnapshots(layout);
  const record = tryRecord(path, path);
  return {
    ref: { kind: 'directory', path },
    storage: 'directory',
    createdMs: record === null || record instanceof IsolateError ? null : record.createdMs,
    sizeBytes: await sizeOfTrees(context, [path, ...snapshots.map(({ label }) => layout.snapshot(label))]),
    snapshots,
    clones: { fresh: 0, leased: findRuns(context, path).length, retired: 0 },
    record,
  };
}

/** Oldest first: the directory of a snapshot is as old as the snapshot. */
function readSnapshots(layout: DirectoryLayout): readonly Snapshot[] {
  const found = readDirectory(layout.parent).flatMap((entry) => {
    const beside = parseBeside(entry);
    if (beside?.kind !== 'snapshot' || beside.of !== layout.name) return [];
    const stats = statSync(join(layout.parent, entry), { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ label: beside.label, createdMs: Math.round(stats.mtimeMs) }];
  });
  return found.toSorted((one, other) => one.createdMs - other.createdMs || (one.label < other.label ? -1 : 1));
}
