import { lstatSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IsolateError } from '../../error.ts';
import { isAlive } from '../../pool/holder.ts';
import { readDirectory } from '../../pool/read-directory.ts';
import type { TemplateContext } from '../context.ts';
import { freeDeadLocks } from '../lock.ts';
import { makeRandom } from '../../process/random.ts';
import { discardTree } from '../trees.ts';
import { type Beside, type DirectoryLayout, directoryLayout, parseBeside, removal, treeName } from './layout.ts';
import { isUsed } from './users.ts';

const mostAttempts = 20;
const pauseMs = 100;

/**
 * Finishes or removes what dead processes left in a directory of templates, and removes old trees that nothing uses any more. Touches only
 * what belongs to this caller.
 */
export async function sweepParent(context: TemplateContext, parent: string): Promise<void> {
  freeDeadLocks(parent, context);
  for (const entry of readDirectory(parent)) {
    const beside = parseBeside(entry);
    const path = join(parent, entry);
    if (beside?.kind !== 'move' || !isOwn(path, context, true) || isAlive(beside.holder, context.holder.bootId)) continue;
    finishMove(parent, beside.of, path);
  }
  for (const entry of readDirectory(parent)) {
    const beside = parseBeside(entry);
    const path = join(parent, entry);
    if (beside === null || !isOwn(path, context)) continue;
    if (beside.kind === 'draft' && !isAlive(beside.holder, context.holder.bootId)) await sweepDraft(context, join(parent, beside.of), path);
    if (beside.kind === 'swap' && !isAlive(beside.holder, context.holder.bootId)) await finishSwap(context, parent, beside);
    if (beside.kind === 'old') await reapOld(context, join(parent, beside.of), path);
  }
}

/** An update that was killed may have left the tree in it with which runs on the template began. */
async function sweepDraft(context: TemplateContext, template: string, wrapper: string): Promise<void> {
  if (!(await isUsed(context, template, join(wrapper, treeName)))) await discardDead(context, wrapper);
}

/** A program that the dead process started may still write to its draft for a moment. What cannot be removed is left to a later sweep. */
async function discardDead(context: TemplateContext, path: string): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await discardTree(context, path);
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error;
      if (attempts === mostAttempts) return;
      await sleep(pauseMs);
    }
  }
}

/** What the template was becomes its snapshot; a new tree that was not exchanged for it is of no use. */
async function finishSwap(context: TemplateContext, parent: string, { of, label, inode, holder }: Swap): Promise<void> {
  const layout = directoryLayout(join(parent, of));
  // Under another name the trees cannot be exchanged any more by what the dead process started.
  const swap = layout.swap(label, inode, context.holder);
  renameIfThere(layout.swap(label, inode, holder), swap);
  const tree = lstatSync(join(swap, treeName), { throwIfNoEntry: false });
  // Without a tree it was being discarded.
  if (tree === undefined || tree.ino === inode) await discardTree(context, swap);
  else renameIfThere(swap, layout.snapshot(label));
}

type Swap = Extract<Beside, { kind: 'swap' }>;

/** Removes a tree with the directory around it, or leaves it to a later sweep while runs may use it. */
export async function discardOld(context: TemplateContext, layout: DirectoryLayout, wrapper: string): Promise<void> {
  const old = layout.old(makeRandom());
  renameSync(wrapper, old);
  context.checkpoint('discard:renamed');
  await reapOld(context, layout.path, old);
}

/** Removes an old tree, with the directory around it if it has one, unless a run may still use it. */
export async function reapOld(context: TemplateContext, template: string, old: string): Promise<void> {
  if (await isUsed(context, template, old)) return;
  await discardTree(context, old);
}

/**
 * The steps of a rename or removal after the first, which moves the template itself; `file` says which it is. Nothing is to be done if
 * that did not happen.
 */
export function finishMove(parent: string, name: string, file: string): void {
  const target = readTarget(file);
  // Another process was quicker.
  if (target === null) return;
  if (lstatSync(join(parent, name), { throwIfNoEntry: false }) === undefined) {
    for (const entry of readDirectory(parent)) {
      const beside = parseBeside(entry);
      if (beside?.kind !== 'snapshot' || beside.of !== name) continue;
      const layout = directoryLayout(target === removal ? join(parent, name) : target);
      renameIfThere(join(parent, entry), target === removal ? layout.old(makeRandom()) : layout.snapshot(beside.label));
    }
  }
  rmSync(file, { force: true });
}

function readTarget(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}

/** Several processes may sweep the same directory. */
function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function isOwn(path: string, { facts }: TemplateContext, isLink = false): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.isSymbolicLink() === isLink && stats.uid === facts.user.uid;
}
