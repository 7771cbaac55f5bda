import type { StorageDriver, StorageHealth } from '../driver.ts';
import { IsolateError } from '../../error.ts';
import type { RunCommand } from '../../process/command.ts';
import { parseDataset } from '../../spec/parse-name.ts';
import { findHolders } from '../holders.ts';
import { classifyZfs, zfsError } from './classify.ts';
import { bindZfsCommands, type ZfsContext, type ZfsTools } from './commands.ts';
import { openChanges, unmountLeftBases } from './changes.ts';
import { createClones, mountClone } from './create.ts';
import type { OwnerCopy } from './clones.ts';
import { destroyClones } from './destroy.ts';
import { parseImplementation } from './implementation.ts';
import { listClones, readUsage } from './list.ts';
import { cloneName, parentOf, poolOf } from './names.ts';
import {
  planForget,
  planKeep,
  planPoolHealth,
  planSpace,
  planTemplate,
  spaceProperties,
  templatePropertiesOf,
  type ZfsPlan,
} from './plan.ts';
import { ownerCopies, removeOwnerCopies } from './owner-copy.ts';
import { missingTemplate } from './missing-template.ts';
import { parseProperties, type DatasetProperties } from './properties.ts';
import { checkTemplate, newestSnapshot } from './template.ts';

export interface ZfsOptions {
  readonly tools: ZfsTools;
  readonly run: RunCommand;
  readonly canIdmap: (path: string) => boolean;
  /** Called once with the reason when ZFS takes long to answer; not a full sentence. */
  readonly onWaiting?: ((message: string) => void) | undefined;
}

/**
 * Opens the zfs driver for a dataset; asks the host once which ZFS it has. Throws `bad-name`, `missing-tool`,
 * `not-permitted`.
 */
export async function openZfs(template: string, options: ZfsOptions): Promise<StorageDriver> {
  parseDataset(template);
  const commands = bindZfsCommands(options.tools, options.run, options.onWaiting);
  const implementation = parseImplementation(template, await commands.zfs(template, { args: ['version'] }));
  const context: ZfsContext = { ...commands, template, implementation, canIdmap: options.canIdmap };
  const findOwnerCopy = ownerCopies(context);
  let copies: readonly OwnerCopy[] = [];
  const readOnce = shared(() => readTemplate(context));
  const isFuse = implementation.name === 'zfs-fuse';
  return {
    name: 'zfs',
    template,
    capabilities: {
      batchDestroy: false,
      parallelCreates: isFuse ? 1 : 4,
      busyDetection: true,
      idmappedMounts: implementation.idmappedMounts,
      pooled: true,
    },
    probe: () => probe(context, readOnce),
    newestSource: async () => newestSnapshot(template, await readOnce()),
    create: (source, ids, createOptions) => createClones(context, source, ids, createOptions, findOwnerCopy),
    list: async () => {
      const { clones, copies: seen } = await listClones(context);
      copies = seen;
      return clones;
    },
    mount: (clone, mountOptions) => mountClone(context, clone, mountOptions),
    destroy: (refs) => destroyClones(context, refs),
    openChanges: (clone, path, places) => openChanges(context, clone, path, places),
    keep: (ref, session) => runInOrder(context, ref.id, planKeep(template, ref.id, session)),
    forget: (ref) => runInOrder(context, ref.id, planForget(template, ref.id)),
    usage: (ids) => readUsage(context, ids),
    tidy: async (newest, whileMounting = (act) => act()) => {
      const old = copies.filter(({ origin, kept }) => !kept && origin !== newest?.name);
      await removeOwnerCopies(context, old, whileMounting);
      await unmountLeftBases(context);
    },
    holders: (ref) => findHolders({ kind: 'zfs', dataset: cloneName(template, ref.id) }),
  };
}

async function runInOrder(context: ZfsContext, id: string, plans: readonly ZfsPlan[]): Promise<void> {
  const dataset = cloneName(context.template, id);
  for (const plan of plans) {
    const answer = await context.zfs(dataset, plan);
    if (answer.exitCode !== 0) throw zfsError(dataset, answer.stderr);
  }
}

async function probe(context: ZfsContext, readOnce: () => Promise<unknown>): Promise<StorageHealth> {
  const { template, implementation } = context;
  // At the same time, because zpool reports a suspended pool while the others would wait for their time limit.
  const [, , space] = await Promise.all([checkHealth(context), readOnce(), context.zfs(template, planSpace(template))]);
  if (space.exitCode !== 0) throw zfsError(template, space.stderr);
  return {
    implementation: implementation.name,
    version: implementation.version,
    freeFraction: readFreeFraction(parentOf(template), space.stdout),
  };
}

async function checkHealth({ template, zpool }: ZfsContext): Promise<void> {
  const answer = await zpool(template, planPoolHealth(template));
  if (answer.exitCode !== 0) throw zfsError(template, answer.stderr);
  const health = answer.stdout.trim();
  if (!['SUSPENDED', 'FAULTED', 'UNAVAIL'].includes(health)) return;
  const pool = poolOf(template);
  throw new IsolateError('pool-suspended', `The pool ${pool} is ${health.toLowerCase()}, so ${template} cannot be cloned.`, {
    hint: `zpool status ${pool} names the device, zpool clear ${pool} resumes`,
  });
}

function readFreeFraction(parent: string, text: string): number | null {
  const properties = parseProperties(text, spaceProperties).get(parent);
  const available = Number(properties?.get('available')?.value ?? Number.NaN);
  const used = Number(properties?.get('used')?.value ?? Number.NaN);
  const fraction = available / (available + used);
  return Number.isFinite(fraction) ? fraction : null;
}

/** Gives concurrent callers the same answer; a later caller gets a new one. */
function shared<T>(action: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  return () =>
    (running ??= action().finally(() => {
      running = null;
    }));
}

async function readTemplate(context: ZfsContext): Promise<ReadonlyMap<string, DatasetProperties>> {
  const { template, implementation } = context;
  const answer = await context.zfs(template, planTemplate(implementation, template));
  if (answer.exitCode !== 0 && classifyZfs(answer.stderr) === 'missing') throw await missingTemplate(context);
  if (answer.exitCode !== 0) throw zfsError(template, answer.stderr);
  const datasets = parseProperties(answer.stdout, templatePropertiesOf(implementation));
  checkTemplate(template, datasets);
  return datasets;
}
