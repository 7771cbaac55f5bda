import type { Source } from '../driver.ts';
import { IsolateError } from '../../error.ts';
import type { DatasetProperties } from './properties.ts';

/**
 * Checks from its properties that a template can be cloned. Where it is mounted, if at all, does not matter: clones have
 * mountpoints of their own. Throws `template-missing`, `template-not-filesystem`, `key-not-loaded`.
 */
export function checkTemplate(template: string, datasets: ReadonlyMap<string, DatasetProperties>): void {
  const properties = datasets.get(template);
  const type = properties?.get('type')?.value;
  if (properties === undefined || type === undefined) {
    throw new IsolateError('template-missing', `There is no dataset ${template}.`, { hint: 'zfs list shows the existing ones' });
  }
  if (type !== 'filesystem') {
    throw new IsolateError(
      'template-not-filesystem',
      `Dataset ${template} is ${type === undefined ? 'of an unknown type' : `a ${type}`}, not a file system.`,
    );
  }
  if (properties.get('keystatus')?.value === 'unavailable') {
    throw new IsolateError('key-not-loaded', `The encryption key of ${template} is not loaded.`, { hint: `zfs load-key ${template}` });
  }
}

/** How labels of snapshots begin that say where an unfinished change of a template began. No clone shows them. */
export const unfinishedLabel = 'isolate-before-';

/**
 * The snapshot made last, by creation transaction: `creation` has steps of a second. Those that wait for their clones
 * to be destroyed themselves are passed over, and so are those of unfinished changes. Throws `template-without-snapshot`.
 */
export function newestSnapshot(template: string, datasets: ReadonlyMap<string, DatasetProperties>): Source {
  let newest: Source | null = null;
  let newestTransaction = -1n;
  for (const [name, properties] of datasets) {
    const guid = properties.get('guid')?.value;
    const transaction = properties.get('createtxg')?.value;
    if (!name.startsWith(`${template}@`) || properties.get('type')?.value !== 'snapshot') continue;
    if (name.startsWith(`${template}@${unfinishedLabel}`)) continue;
    if (properties.get('defer_destroy')?.value === 'on') continue;
    if (typeof guid !== 'string' || typeof transaction !== 'string' || !/^\d+$/.test(transaction)) continue;
    if (BigInt(transaction) > newestTransaction) {
      newestTransaction = BigInt(transaction);
      newest = { template, name, guid };
    }
  }
  if (newest === null) {
    throw new IsolateError('template-without-snapshot', `Dataset ${template} has no snapshot to clone.`, {
      hint: `zfs snapshot ${template}@1`,
    });
  }
  const leftOut = childrenOf(template, datasets);
  return leftOut.length === 0 ? newest : { ...newest, leftOut };
}

/** A snapshot is of one dataset: those below it stay out of its clones. */
function childrenOf(template: string, datasets: ReadonlyMap<string, DatasetProperties>): readonly string[] {
  return [...datasets].flatMap(([name, properties]) =>
    name.startsWith(`${template}/`) && properties.get('type')?.value === 'filesystem' ? [name] : [],
  );
}
