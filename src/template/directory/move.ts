import { chmodSync, chownSync, mkdirSync, renameSync, rmdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IsolateError } from '../../error.ts';
import type { TemplateContext } from '../context.ts';
import { refuseMovable, refuseReachable } from '../keep-private.ts';
import { makeRandom } from '../../process/random.ts';
import { isNoSpace, makeIn } from '../no-space.ts';
import type { TemplateRef } from '../template-ref.ts';
import { refuseExisting } from './draft.ts';
import { type DirectoryLayout, removal, treeName } from './layout.ts';
import { finishMove, reapOld, sweepParent } from './sweep.ts';
import { refuseSessions } from '../refuse-sessions.ts';
import { findRuns, findSessions } from './users.ts';

/**
 * Gives a template and its snapshots another name on the same file system. Throws `template-exists`, `template-busy`, `cannot-enforce`,
 * `usage`.
 */
export function renameDirectory(context: TemplateContext, layout: DirectoryLayout, to: TemplateRef): void {
  if (to.kind !== 'directory') {
    throw new IsolateError('usage', `The directory ${layout.path} cannot become the dataset ${to.dataset}.`, {
      hint: `isolate template create ${to.dataset} --from ${layout.path} copies it`,
    });
  }
  refuseRuns(context, layout);
  refuseMovable(to, context.facts.user);
  if (dirname(to.path) !== layout.parent) refuseReachable(to, context.facts.user);
  refuseExisting(to);
  const file = announce(context, layout, to.path);
  try {
    renameSync(layout.path, to.path);
  } catch (cause) {
    finishMove(layout.parent, layout.name, file);
    throw new IsolateError('storage-failed', `${layout.path} cannot be renamed to ${to.path}.`, { cause });
  }
  context.checkpoint('rename:renamed');
  finishMove(layout.parent, layout.name, file);
}

/** Removes a template and its snapshots. Throws `template-busy`, `storage-failed`. */
export async function removeDirectory(context: TemplateContext, layout: DirectoryLayout): Promise<void> {
  refuseRuns(context, layout);
  const file = announce(context, layout, null);
  const old = layout.old(makeRandom());
  const isWrapped = makeOld(old);
  try {
    renameSync(layout.path, isWrapped ? join(old, treeName) : old);
  } catch (cause) {
    if (isWrapped) rmdirSync(old);
    finishMove(layout.parent, layout.name, file);
    throw new IsolateError('storage-failed', `${layout.path} cannot be removed.`, { cause });
  }
  context.checkpoint('remove:renamed');
  if (!isWrapped) keepPrivate(context, old);
  finishMove(layout.parent, layout.name, file);
  await reapOld(context, layout.path, old);
  await sweepParent(context, layout.parent);
}

/** Makes a private directory for what is removed; false: there is no space for it, and a removal is to make some. */
function makeOld(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    return false;
  }
}

/** Gives a tree the owner and mode that the directory around it would have. */
function keepPrivate({ facts }: TemplateContext, tree: string): void {
  if (facts.user.rights === 'root') chownSync(tree, 0, 0);
  chmodSync(tree, 0o700);
}

/** Writes down what is going to happen, so that another process can finish it. `target` is null for a removal. */
function announce(context: TemplateContext, layout: DirectoryLayout, target: string | null): string {
  const file = layout.move(context.holder);
  makeIn(layout.parent, 'file', () => symlinkSync(target ?? removal, file));
  context.checkpoint('move:announced');
  return file;
}

function refuseRuns(context: TemplateContext, { path }: DirectoryLayout): void {
  refuseSessions(path, findSessions(path), context.facts.user.uid);
  const runs = findRuns(context, path);
  if (runs.length === 0) return;
  const which = runs.map(({ runId }) => runId.slice(0, 8)).join(', ');
  throw new IsolateError('template-busy', `${runs.length === 1 ? 'A run is' : `${runs.length} runs are`} using ${path}: ${which}.`, {
    hint: `isolate kill ${which.replaceAll(',', '')} ends ${runs.length === 1 ? 'it' : 'them'}`,
  });
}
