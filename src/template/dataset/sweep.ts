import { passOver } from '../../error.ts';
import { parseHolder } from '../../pool/holder.ts';
import { isAtWork } from '../outliving.ts';
import { readBeside, readSiblings, type Sibling } from './family.ts';
import { destroyFamily } from './move.ts';
import { swapOf } from './names.ts';
import { draftProperty, planDestroy, planForget } from './plan.ts';
import { destroyClones } from './pool.ts';
import { completeSwap, isSwapped, swapIn } from './swap.ts';
import { undoUnfinished } from './attempt.ts';
import { type DatasetContext, zfsIfThere, zfsWhenFree } from './zfs.ts';

/** Removes what dead processes left beside a template: drafts, marks of drafts, and templates that were being removed. */
export async function sweepBesides(context: DatasetContext): Promise<void> {
  const { siblings, named } = await readBeside(context);
  for (const sibling of siblings) {
    if (sibling.kind === 'new' && sibling.step !== 'swap' && !isHeld(sibling, context)) {
      // What a program of the dead process still uses is left to a later sweep, and another sweep may have been quicker.
      await zfsWhenFree(context, sibling.name, planDestroy(sibling.name, true)).catch(passOver('dataset-busy', 'template-missing'));
    }
    if (sibling.kind === 'old' && sibling.step === 'remove') {
      await destroyClones({ ...context, dataset: sibling.of });
      await destroyFamily(context, sibling.name);
    }
  }
  for (const one of named)
    if (parseHolder(one.holder) !== null && !isHeld(one, context)) await zfsIfThere(context, one.name, planForget(one.name, draftProperty));
}

/** Finishes or undoes what a dead process began with this template. The caller holds its lock. */
export async function finishUnfinished(context: DatasetContext): Promise<void> {
  for (const sibling of await readSiblings(context)) {
    if (swapOf(sibling.name, sibling.step) === context.dataset) await swapIn(context, sibling.name);
  }
  if (await isSwapped(context)) await completeSwap(context);
  await undoUnfinished(context);
}

function isHeld({ holder }: Pick<Sibling, 'holder'>, { own }: DatasetContext): boolean {
  const process = parseHolder(holder);
  return process !== null && isAtWork(process, own);
}
