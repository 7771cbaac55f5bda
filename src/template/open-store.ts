import { existsSync, lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IsolateError, passOver } from '../error.ts';
import { templateKey } from '../pool/paths.ts';
import type { TemplateContext } from './context.ts';
import { isUnfinished } from './dataset/attempt.ts';
import { isBeingSwapped } from './dataset/family.ts';
import { openDatasetStore } from './dataset/store.ts';
import { sweepMounts, templatesDirectory } from './dataset/mount.ts';
import { finishUnfinished, sweepBesides } from './dataset/sweep.ts';
import { openDatasetContext, refuseOthers } from './dataset/zfs.ts';
import { directoryLayout } from './directory/layout.ts';
import { openDirectoryStore } from './directory/store.ts';
import { sweepParent } from './directory/sweep.ts';
import { refuseMovable } from './keep-private.ts';
import { withTemplateLock } from './lock.ts';
import type { TemplateInfo, TemplateStore } from './store.ts';
import type { TemplateRef } from './template-ref.ts';

/** Where a template is or will be. Looks at nothing yet. */
export function openStore(ref: TemplateRef, context: TemplateContext): TemplateStore {
  return ref.kind === 'directory' ? openDirectoryStore(ref.path, context) : openDatasetStore(ref.dataset, context);
}

/**
 * What there is of a template; null: none. Root finishes or undoes what a dead process began: in between, one may lack its name or
 * snapshots, or be changed in part.
 */
export async function describeTemplate(ref: TemplateRef, context: TemplateContext): Promise<TemplateInfo | null> {
  if (ref.kind === 'dataset' && context.facts.user.rights === 'root') {
    const own = await openDatasetContext(ref.dataset, context);
    const left = await Promise.all([isBeingSwapped(own, ref.dataset), isUnfinished(own)]);
    // A living process is about to finish it, or one that the dead process started still uses it.
    const isLater = passOver('template-busy', 'dataset-busy');
    if (left.includes(true)) await changeTemplate(ref, context, async () => {}).catch(isLater);
  }
  return await openStore(ref, context).describe();
}

/**
 * Changes a template while no other process does, after what dead processes left beside it was finished or removed. Throws
 * `template-busy`, `cannot-enforce`, `template-not-filesystem`, and what `action` throws.
 */
export async function changeTemplate<T>(
  ref: TemplateRef,
  context: TemplateContext,
  action: (store: TemplateStore) => Promise<T>,
): Promise<T> {
  const act = (): Promise<T> => action(openStore(ref, context));
  if (ref.kind === 'dataset') return await changeDataset(ref.dataset, context, act);
  refuseLink(ref.path);
  refuseMovable(ref, context.facts.user);
  const parent = dirname(ref.path);
  // Without it there is no template, and no place for the lock.
  if (!existsSync(parent)) return await act();
  return await withTemplateLock(directoryLayout(ref.path).lock, ref.path, context, async () => {
    await sweepParent(context, parent);
    return await act();
  });
}

/** Of a link there are no snapshots, and what takes its place takes nobody else's. */
function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new IsolateError('template-not-filesystem', `${path} is a symbolic link, and cannot be changed as a template.`, {
    hint: 'name the directory itself',
  });
}

async function changeDataset<T>(dataset: string, own: TemplateContext, act: () => Promise<T>): Promise<T> {
  refuseOthers({ dataset, own });
  const context = await openDatasetContext(dataset, own);
  const lock = join(templatesDirectory(context), `${templateKey(dataset)}.lock`);
  return await withTemplateLock(lock, dataset, own, async () => {
    // What a dead process has mounted is in the way of a rollback.
    await sweepMounts(context);
    await finishUnfinished(context);
    await sweepBesides(context);
    return await act();
  });
}
