import { IsolateError } from '../../error.ts';
import { isAlive } from '../../pool/holder.ts';
import { readPoolState } from '../../pool/state/pool-state.ts';
import { openRootPool } from '../../run/root.ts';
import { refresh } from '../../upkeep/refresh.ts';
import { sessionOf } from '../../session/mend.ts';
import { refuseSessions } from '../refuse-sessions.ts';
import type { DatasetContext } from './zfs.ts';
import type { Pool } from '../../pool/pool.ts';

async function withPool<T>({ own, dataset }: DatasetContext, action: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = await openRootPool({ kind: 'volume', locator: dataset }, own.facts, { warn: () => {}, onlyCleanUp: true });
  return await action(pool).finally(pool.shelf.end);
}

/** Throws `template-busy` while runs have clones of the template, or clones of it are kept. */
export async function refuseUsedClones(context: DatasetContext): Promise<void> {
  const { dataset, own } = context;
  await withPool(context, async (pool) => {
    const clones = await pool.driver.list();
    const sessions = clones.flatMap((clone) => sessionOf(clone) ?? []);
    refuseSessions(dataset, sessions, own.facts.user.uid);
    const kept = clones.filter((clone) => clone.kept).map(({ id }) => `${dataset}_${id}`);
    if (kept.length > 0) {
      throw new IsolateError(
        'template-busy',
        `${kept.length === 1 ? 'A clone of' : 'Clones of'} ${dataset} are kept: ${kept.join(', ')}.`,
        {
          hint: `zfs inherit isolate:keep ${kept[0] ?? ''} lets isolate destroy it`,
        },
      );
    }
    const { leased } = await readPoolState(pool);
    const pids = leased.filter(({ holder }) => isAlive(holder, own.holder.bootId)).map(({ holder }) => holder.pid);
    if (pids.length === 0) return;
    throw new IsolateError(
      'template-busy',
      `Clones of ${dataset} are in use by ${pids.length === 1 ? 'process' : 'processes'} ${pids.join(', ')}.`,
      {
        hint: 'isolate ps names the runs, and isolate kill ends them',
      },
    );
  });
}

/**
 * Destroys the fresh and used-up clones of a template, whether or not it is still there. What cannot be destroyed yet is left to a refresh.
 */
export async function destroyClones(context: DatasetContext): Promise<void> {
  try {
    await withPool(context, (pool) => refresh(pool, { skipCreate: true, force: true }));
  } catch (error) {
    // The template is gone, and so are its clones.
    if (!(error instanceof IsolateError) || error.code !== 'template-missing') throw error;
  }
}
