import { rename, stat } from 'node:fs/promises';
import { IsolateError } from '../../error.ts';
import type { CloneRef, DestroyResult } from '../driver.ts';
import type { CloneKind } from './kind.ts';
import type { CloneStage } from './layout.ts';
import { readSession } from './session.ts';

const stages: readonly CloneStage[] = ['live', 'new', 'gone'];

/** Removes clones. Each is renamed first, so that a half-removed one never counts as complete. */
export async function destroyClones(kind: CloneKind, refs: readonly CloneRef[]): Promise<readonly DestroyResult[]> {
  const results: DestroyResult[] = [];
  for (const ref of refs) {
    results.push(
      await destroyOne(kind, ref).catch((cause: unknown): DestroyResult => {
        const error = new IsolateError('storage-failed', `Clone ${ref.id} of ${kind.template} cannot be removed.`, {
          cause,
        });
        return { id: ref.id, outcome: 'failed', error };
      }),
    );
  }
  return results;
}

async function destroyOne({ layout, identify, remove, template }: CloneKind, { id, guid }: CloneRef): Promise<DestroyResult> {
  for (const stage of stages) {
    const path = layout.clone(id, stage);
    const stats = await stat(path).catch(() => null);
    if (stats === null) continue;
    const [found] = await identify([{ path, stats }]);
    if (found !== guid) {
      const error = new IsolateError('dataset-not-ours', `Clone ${id} of ${template} is not the one that was expected.`);
      return { id, outcome: 'refused', error };
    }
    if (stage === 'live' && readSession(path) !== null) {
      const error = new IsolateError('dataset-not-ours', `Clone ${id} of ${template} is kept for a session.`);
      return { id, outcome: 'refused', error };
    }
    const gone = layout.clone(id, 'gone');
    if (stage !== 'gone') await rename(path, gone);
    await remove(gone);
    return { id, outcome: 'gone' };
  }
  return { id, outcome: 'gone' };
}
