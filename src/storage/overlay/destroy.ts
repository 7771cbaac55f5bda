import { rename, stat } from 'node:fs/promises';
import { IsolateError } from '../../error.ts';
import type { CloneRef, DestroyResult } from '../driver.ts';
import type { OverlayContext } from './context.ts';
import { cloneGuid, type CloneStage } from './layout.ts';
import { readSession } from './session.ts';

const stages: readonly CloneStage[] = ['live', 'new', 'gone'];

/** Removes clones. Each is renamed first, so that a half-removed one never counts as complete. */
export async function destroyLayers(context: OverlayContext, refs: readonly CloneRef[]): Promise<readonly DestroyResult[]> {
  const results: DestroyResult[] = [];
  for (const ref of refs) {
    results.push(
      await destroyOne(context, ref).catch((cause: unknown): DestroyResult => {
        const error = new IsolateError('storage-failed', `The layers of clone ${ref.id} of ${context.template} cannot be removed.`, {
          cause,
        });
        return { id: ref.id, outcome: 'failed', error };
      }),
    );
  }
  return results;
}

async function destroyOne({ layout, removeTree, template }: OverlayContext, { id, guid }: CloneRef): Promise<DestroyResult> {
  for (const stage of stages) {
    const path = layout.clone(id, stage);
    const stats = await stat(path).catch(() => null);
    if (stats === null) continue;
    if (cloneGuid(stats) !== guid) {
      const error = new IsolateError('dataset-not-ours', `Clone ${id} of ${template} is not the one that was expected.`);
      return { id, outcome: 'refused', error };
    }
    if (stage === 'live' && (await readSession(path)) !== null) {
      const error = new IsolateError('dataset-not-ours', `Clone ${id} of ${template} is kept for a session.`);
      return { id, outcome: 'refused', error };
    }
    const gone = layout.clone(id, 'gone');
    if (stage !== 'gone') await rename(path, gone);
    await removeTree(gone);
    return { id, outcome: 'gone' };
  }
  return { id, outcome: 'gone' };
}
