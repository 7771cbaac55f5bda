import { IsolateError } from '../../error.ts';
import { parentOf } from '../../storage/zfs/names.ts';
import { parseProperties, type DatasetProperties } from '../../storage/zfs/properties.ts';
import { isOwnLabel } from '../label.ts';
import type { Snapshot } from '../store.ts';
import { parseBeside, splitSnapshot, swapOf } from './names.ts';
import { datasetProperties, planBesides, planRead } from './plan.ts';
import { type DatasetContext, zfsIfThere } from './zfs.ts';

/** A snapshot of a template, in the template's own dataset or in one that holds what the template was. */
export interface PlacedSnapshot extends Snapshot {
  readonly dataset: string;
  /** The same in every pool, in decimal. */
  readonly guid: string;
  readonly transaction: bigint;
}

/** A dataset beside a template that isolate made. */
export interface Sibling {
  readonly name: string;
  readonly kind: 'new' | 'old';
  readonly of: string;
  /** The dataset of whose snapshot it is a clone; null: none. */
  readonly origin: string | null;
  readonly step: string;
  readonly holder: string;
}

/** The datasets that isolate made beside the template, for any template. */
export async function readSiblings(context: DatasetContext, parent = parentOf(context.dataset)): Promise<readonly Sibling[]> {
  return (await readBeside(context, parent)).siblings;
}

/** The same, and the datasets that are still marked as drafts although they have their names. */
export async function readBeside(
  context: DatasetContext,
  parent = parentOf(context.dataset),
): Promise<{ readonly siblings: readonly Sibling[]; readonly named: readonly Pick<Sibling, 'name' | 'holder'>[] }> {
  const text = (await zfsIfThere(context, parent, planBesides(parent))) ?? '';
  const siblings: Sibling[] = [];
  const named: Pick<Sibling, 'name' | 'holder'>[] = [];
  for (const line of text.split('\n')) {
    const [name = '', origin = '-', step = '-', holder = '-'] = line.split('\t');
    const beside = parseBeside(name);
    if (beside !== null) siblings.push({ name, ...beside, origin: origin === '-' ? null : splitSnapshot(origin).dataset, step, holder });
    else if (name !== parent && step === '-' && holder !== '-') named.push({ name, holder });
  }
  return { siblings, named };
}

/** Whether a draft takes the place of the template `dataset`. Its process may be dead; then the next change of the template finishes it. */
export async function isBeingSwapped(context: DatasetContext, dataset: string): Promise<boolean> {
  return (await readSiblings(context, parentOf(dataset))).some(({ name, step }) => swapOf(name, step) === dataset);
}

/** Those that hold what the template was: their origins lead to it. */
export function oldOnes(template: string, siblings: readonly Sibling[]): readonly Sibling[] {
  const found = new Set<string>();
  const old = siblings.filter(({ kind, step }) => kind === 'old' && step !== 'remove');
  for (let size = -1; size < found.size;) {
    size = found.size;
    for (const { name, origin } of old) if (origin === template || (origin !== null && found.has(origin))) found.add(name);
  }
  return old.filter(({ name }) => found.has(name));
}

/** A dataset with its snapshots and children; null: there is none. */
export async function readDataset(context: DatasetContext, dataset: string): Promise<ReadonlyMap<string, DatasetProperties> | null> {
  const text = await zfsIfThere(context, dataset, planRead(dataset));
  return text === null ? null : parseProperties(text, datasetProperties);
}

/** The snapshots of a template with what it was, oldest first. */
export async function readSnapshots(context: DatasetContext): Promise<readonly PlacedSnapshot[]> {
  const { dataset } = context;
  const names = [dataset, ...oldOnes(dataset, await readSiblings(context)).map(({ name }) => name)];
  const found: PlacedSnapshot[] = [];
  for (const name of names) found.push(...snapshotsIn((await readDataset(context, name)) ?? new Map()));
  return found.toSorted((one, other) => (one.transaction < other.transaction ? -1 : 1));
}

function snapshotsIn(datasets: ReadonlyMap<string, DatasetProperties>): readonly PlacedSnapshot[] {
  return [...datasets].flatMap(([name, properties]) => {
    if (!name.includes('@') || properties.get('defer_destroy')?.value === 'on') return [];
    const { dataset, label } = splitSnapshot(name);
    if (isOwnLabel(label)) return [];
    const transaction = properties.get('createtxg')?.value ?? '';
    const createdMs = Number(properties.get('creation')?.value) * 1000;
    return /^\d+$/.test(transaction)
      ? [{ dataset, label, createdMs, guid: properties.get('guid')?.value ?? '', transaction: BigInt(transaction) }]
      : [];
  });
}

/** Throws `template-busy` for a template with datasets below it: they would go with it where it is moved away or destroyed. */
export async function refuseChildren(context: DatasetContext): Promise<void> {
  const { dataset } = context;
  const children = [...((await readDataset(context, dataset)) ?? new Map<string, unknown>()).keys()].filter(
    (name) => parentOf(name) === dataset,
  );
  if (children.length === 0) return;
  throw new IsolateError('template-busy', `Dataset ${dataset} has others below it: ${children.join(', ')}.`, {
    hint: 'rename or destroy them first, with zfs',
  });
}
