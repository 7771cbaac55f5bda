import { IsolateError } from '../../error.ts';
import { classifyZfs, zfsError } from '../../storage/zfs/classify.ts';
import { planFamily } from '../../storage/zfs/plan.ts';
import { findSnapshot } from '../label.ts';
import { readSnapshots } from './family.ts';
import { planDestroy } from './plan.ts';
import { destroyClones } from './pool.ts';
import { destroyEmpty } from './swap.ts';
import { type DatasetContext, zfs } from './zfs.ts';

/** Removes a snapshot, and the unused clones that were made from it. Throws `snapshot-missing`, `template-busy`. */
export async function removeSnapshot(context: DatasetContext, label: string): Promise<void> {
  const { dataset } = context;
  const snapshots = await readSnapshots(context);
  const { dataset: place } = findSnapshot(dataset, snapshots, label);
  if (snapshots.length === 1) {
    throw new IsolateError('template-busy', `${label} is the only snapshot of ${dataset}, and clones are made from it.`, {
      hint: `isolate template snapshot ${dataset} makes another first`,
    });
  }
  const name = `${place}@${label}`;
  if (!(await destroy(context, name))) {
    await destroyClones(context);
    if (!(await destroy(context, name))) throw await inUse(context, name);
  }
  await destroyEmpty(context);
}

/** false: it has clones. */
async function destroy(context: DatasetContext, name: string): Promise<boolean> {
  const { exitCode, stderr } = await context.commands.zfs(name, planDestroy(name, false));
  if (exitCode === 0) return true;
  if (!['has-clones', 'busy'].includes(classifyZfs(stderr))) throw zfsError(name, stderr);
  return false;
}

async function inUse(context: DatasetContext, name: string): Promise<IsolateError> {
  const rows = (await zfs(context, name, planFamily())).split('\n').map((line) => line.split('\t'));
  const clones = rows.flatMap(([clone = '', origin]) => (origin === name ? [clone] : []));
  const what = clones.length === 0 ? 'in use' : `what ${clones.join(', ')} ${clones.length === 1 ? 'was' : 'were'} made from`;
  return new IsolateError('template-busy', `The snapshot ${name} is ${what}.`, {
    hint: clones.some((clone) => clone.includes('.isolate-old-'))
      ? 'remove the newer snapshots first'
      : 'isolate ps names the runs, and isolate kill ends them',
  });
}
