import { IsolateError } from '../../error.ts';
import { poolPaths } from '../../pool/paths.ts';
import { readPoolNames } from '../../pool/state/pool-state.ts';
import { checkTemplate } from '../../storage/zfs/template.ts';
import type { TemplateContext } from '../context.ts';
import { tryRecord } from '../read-record.ts';
import type { Snapshot, TemplateInfo, TemplateStore } from '../store.ts';
import { attemptOnDataset } from './attempt.ts';
import { beginDataset } from './draft.ts';
import { oldOnes, type PlacedSnapshot, readDataset, readSiblings, readSnapshots } from './family.ts';
import { removeDataset, renameDataset } from './move.ts';
import { openDataset, sweepMounts, withDataset } from './mount.ts';
import { planSnapshot } from './plan.ts';
import { beginReplacement } from './replace.ts';
import { removeSnapshot } from './remove-snapshot.ts';
import { rollBackDataset } from './roll-back.ts';
import { sweepBesides } from './sweep.ts';
import { type DatasetContext, openDatasetContext, refuseOthers, zfs } from './zfs.ts';

/** A template that is a ZFS dataset. Only root can change it. */
export function openDatasetStore(dataset: string, own: TemplateContext): TemplateStore {
  let opening: Promise<DatasetContext> | null = null;
  const open = (): Promise<DatasetContext> => (opening ??= openDatasetContext(dataset, own));
  /** For what changes the template, which has to be there. */
  const present = async (): Promise<DatasetContext> => {
    refuseOthers({ dataset, own });
    const context = await open();
    checkTemplate(dataset, (await readDataset(context, dataset)) ?? new Map());
    return context;
  };
  return {
    ref: { kind: 'dataset', dataset },
    describe: async () => describe(await open()),
    begin: async () => {
      refuseOthers({ dataset, own });
      const context = await open();
      await sweepMounts(context);
      await sweepBesides(context);
      return await beginDataset(context);
    },
    snapshots: async () => (await readSnapshots(await open())).map(plainly),
    snapshot: async (label) => snapshot(await present(), label),
    removeSnapshot: async (label) => removeSnapshot(await present(), label),
    rollback: async (label) => rollBackDataset(await present(), label),
    rename: async (to) => renameDataset(await present(), to),
    remove: async () => removeDataset(await present()),
    open: async () => openDataset(await present(), dataset),
    attempt: async () => attemptOnDataset(await present()),
    replace: async () => beginReplacement(await present()),
  };
}

function plainly({ label, createdMs }: PlacedSnapshot): Snapshot {
  return { label, createdMs };
}

async function snapshot(context: DatasetContext, label: string): Promise<Snapshot> {
  const { dataset, own } = context;
  if ((await readSnapshots(context)).some((one) => one.label === label)) {
    throw new IsolateError('template-exists', `The template ${dataset} already has a snapshot ${label}.`, { hint: 'choose another label' });
  }
  own.checkpoint('snapshot:begun');
  const createdMs = own.clock();
  await zfs(context, dataset, planSnapshot(dataset, label));
  return { label, createdMs };
}

async function describe(context: DatasetContext): Promise<TemplateInfo | null> {
  const { dataset, own, runtime } = context;
  const datasets = await readDataset(context, dataset);
  if (datasets === null) return null;
  checkTemplate(dataset, datasets);
  let sizeBytes = Number(datasets.get(dataset)?.get('used')?.value ?? 0);
  for (const { name } of oldOnes(dataset, await readSiblings(context))) {
    sizeBytes += Number((await readDataset(context, name))?.get(name)?.get('used')?.value ?? 0);
  }
  const { fresh, leased, retired } = readPoolNames({ paths: poolPaths(runtime, dataset) });
  return {
    ref: { kind: 'dataset', dataset },
    storage: 'zfs',
    createdMs: Number(datasets.get(dataset)?.get('creation')?.value) * 1000,
    sizeBytes,
    snapshots: (await readSnapshots(context)).map(plainly),
    clones: { fresh: fresh.length, leased: leased.length, retired: retired.length },
    record: own.facts.user.rights === 'root' ? await readRecord(context) : null,
  };
}

/** A template that cannot be mounted now, as without its key, is shown all the same. */
async function readRecord(context: DatasetContext): Promise<TemplateInfo['record']> {
  const { dataset } = context;
  try {
    return await withDataset(context, dataset, async ({ path }) => tryRecord(path, dataset));
  } catch (error) {
    if (error instanceof IsolateError) return error;
    throw error;
  }
}
