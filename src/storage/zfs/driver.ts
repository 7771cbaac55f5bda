import type { StorageDriver, StorageHealth } from '../driver.ts';
import { IsolateError } from '../../error.ts';
import type { RunCommand } from '../../process/command.ts';
import { findHolders } from '../holders.ts';
import { zfsError } from './classify.ts';
import { bindZfsCommands, type ZfsContext, type ZfsTools } from './commands.ts';
import { createClones } from './create.ts';
import { destroyClones } from './destroy.ts';
import { parseImplementation } from './implementation.ts';
import { listClones } from './list.ts';
import { cloneName, parseTemplateName, poolOf } from './names.ts';
import { planPoolHealth, planTemplate, templatePropertiesOf } from './plan.ts';
import { parseProperties, type DatasetProperties } from './properties.ts';
import { checkTemplate, newestSnapshot } from './template.ts';

export interface ZfsOptions {
  readonly tools: ZfsTools;
  readonly run: RunCommand;
  readonly canIdmap: (path: string) => boolean;
}

/**
 * Opens the zfs driver for a dataset; asks the host once which ZFS it has. Throws `bad-name`, `missing-tool`,
 * `not-permitted`.
 */
export async function openZfs(template: string, options: ZfsOptions): Promise<StorageDriver> {
  parseTemplateName(template);
  const commands = bindZfsCommands(options.tools, options.run);
  const implementation = parseImplementation(await commands.zfs(template, { args: ['version'] }));
  const context: ZfsContext = { ...commands, template, implementation, canIdmap: options.canIdmap };
  const isFuse = implementation.name === 'zfs-fuse';
  return {
    name: 'zfs',
    template,
    capabilities: {
      batchCreate: implementation.programClones,
      batchDestroy: false,
      parallelCreates: isFuse ? 1 : 4,
      busyDetection: true,
      idmappedMounts: implementation.idmappedMounts,
      pooled: true,
      needsRoot: true,
    },
    probe: () => probe(context),
    newestSource: async () => newestSnapshot(template, await readTemplate(context)),
    create: (source, ids, createOptions) => createClones(context, source, ids, createOptions),
    list: () => listClones(context),
    destroy: (refs) => destroyClones(context, refs),
    holders: (ref) => findHolders({ kind: 'zfs', dataset: cloneName(template, ref.id) }),
  };
}

async function probe(context: ZfsContext): Promise<StorageHealth> {
  const { template, implementation } = context;
  const pool = poolOf(template);
  const answer = await context.zpool(template, planPoolHealth(template));
  if (answer.exitCode !== 0) throw zfsError(template, answer.stderr);
  const [capacity = '', health = ''] = answer.stdout.trim().split('\t');
  if (health === 'SUSPENDED' || health === 'FAULTED' || health === 'UNAVAIL') {
    throw new IsolateError('pool-suspended', `The pool ${pool} is ${health.toLowerCase()}, so ${template} cannot be cloned.`, {
      hint: `zpool status ${pool} names the device; zpool clear ${pool} resumes`,
    });
  }
  await readTemplate(context);
  const used = /^(\d{1,3})%?$/.exec(capacity)?.[1];
  return {
    implementation: implementation.name,
    version: implementation.version,
    freeFraction: used === undefined ? null : (100 - Number(used)) / 100,
  };
}

async function readTemplate(context: ZfsContext): Promise<ReadonlyMap<string, DatasetProperties>> {
  const { template, implementation } = context;
  const answer = await context.zfs(template, planTemplate(implementation, template));
  if (answer.exitCode !== 0) throw zfsError(template, answer.stderr);
  const datasets = parseProperties(answer.stdout, templatePropertiesOf(implementation));
  checkTemplate(template, datasets);
  return datasets;
}
