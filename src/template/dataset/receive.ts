import type { Readable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import { classifyZfs, zfsError } from '../../storage/zfs/classify.ts';
import { makeParent, refuseExisting } from './draft.ts';
import { readDataset } from './family.ts';
import { openDataset } from './mount.ts';
import { ownProperties, planAbort, planDestroy, planRead, planReceive, planRollback, planSet, planToken } from './plan.ts';
import { rename } from './rename.ts';
import { isAsIn } from './states.ts';
import { readOwnSnapshots, startZfs } from './send.ts';
import { type DatasetContext, zfs, zfsIfThere, zfsWhenFree } from './zfs.ts';

/** A ZFS stream on its way in. */
export interface Incoming {
  /** What messages call it. */
  readonly name: string;
  readonly stream: Readable;
  /** Rejects if it was not whole. */
  readonly whole: Promise<void>;
  readonly signal: AbortSignal;
  /** Looks at the tree of a new template before it becomes one. */
  readonly check: (root: string) => void;
}

/** Where a new template is received. It keeps its name when it is interrupted, so that the rest can follow. */
function partialName(dataset: string): string {
  return `${dataset}.isolate-receive`;
}

/** What `zfs send` needs to continue what was interrupted; null: nothing was, or this ZFS cannot continue it. */
export async function readResumeToken(context: DatasetContext): Promise<string | null> {
  if (context.implementation.name !== 'OpenZFS') return null;
  for (const name of [partialName(context.dataset), context.dataset]) {
    const token = (await zfsIfThere(context, name, planToken(name)))?.trim() ?? '-';
    if (token !== '-' && token !== '') return token;
  }
  return null;
}

/** Throws away what an interrupted transfer left. Returns whether there was anything. */
export async function abortReceive(context: DatasetContext): Promise<boolean> {
  const { dataset } = context;
  const partial = partialName(dataset);
  const hasPartial = (await zfsIfThere(context, partial, planRead(partial))) !== null;
  if (hasPartial) await zfsWhenFree(context, partial, planDestroy(partial, true));
  const hasChanges = (await readResumeToken(context)) !== null;
  if (hasChanges) await zfs(context, dataset, planAbort(dataset));
  return hasPartial || hasChanges;
}

/** Receives a new template. What an interrupted transfer left is thrown away. Throws `template-exists`, `bad-source`. */
export async function receiveWhole(context: DatasetContext, incoming: Incoming): Promise<void> {
  const { dataset, own } = context;
  await refuseExisting(context, dataset);
  await makeParent(context);
  await abortReceive(context);
  own.checkpoint('receive:begun');
  try {
    await takeIn(context, partialName(dataset), true, incoming);
  } catch (error) {
    // Only OpenZFS can go on with it. The first failure is the one to report.
    if (context.implementation.name !== 'OpenZFS') await abortReceive(context).catch(() => undefined);
    throw error;
  }
  await complete(context, incoming);
}

/**
 * Receives what the template has more than its newest snapshot, which must have the guid `base`. Throws `template-changed` if it has
 * changes of its own.
 */
export async function receiveChanges(context: DatasetContext, base: string, incoming: Incoming): Promise<void> {
  const { dataset, own } = context;
  const snapshots = await readOwnSnapshots(context);
  const newest = snapshots.at(-1);
  const common = snapshots.find(({ guid }) => guid === base);
  if (newest === undefined || common === undefined) {
    throw new IsolateError('template-changed', `${incoming.name} builds on a snapshot that ${dataset} does not have.`, {
      hint: 'receive the whole template under another name',
    });
  }
  const hint = `isolate template rollback ${dataset} ${common.label} keeps its own state as a snapshot`;
  if (newest !== common) throw new IsolateError('template-changed', `${dataset} has newer snapshots than ${common.label}.`, { hint });
  if (!(await isAsIn(context, newest))) {
    throw new IsolateError('template-changed', `${dataset} has changed since its snapshot ${newest.label}.`, { hint });
  }
  await abortReceive(context);
  // Looking at it changed times of access, and ZFS would refuse even these.
  await zfsWhenFree(context, dataset, planRollback(dataset, newest.label));
  own.checkpoint('receive:begun');
  await takeIn(context, dataset, false, incoming);
}

/** Receives the rest of what was interrupted. */
export async function receiveRest(context: DatasetContext, incoming: Incoming): Promise<void> {
  const { dataset } = context;
  if ((await readResumeToken(context)) === null) {
    throw new IsolateError('bad-source', `${incoming.name} is the rest of a transfer of which ${dataset} has no beginning.`, {
      hint: 'send it again',
    });
  }
  const partial = partialName(dataset);
  const isNew = (await zfsIfThere(context, partial, planRead(partial))) !== null;
  if (isNew) await refuseExisting(context, dataset);
  await takeIn(context, isNew ? partial : dataset, false, incoming);
  if (isNew) await complete(context, incoming);
}

/** Gives a stream to zfs, which takes in a whole one or nothing, by the checksums of its own. */
async function takeIn(context: DatasetContext, target: string, isNew: boolean, { name, stream, whole, signal }: Incoming): Promise<void> {
  const { stdin, stdout, ended } = await startZfs(context, planReceive(context.implementation, target, isNew), signal);
  stdout.resume();
  stream.once('error', () => stdin.destroy());
  if (stream.destroyed) stdin.destroy();
  // zfs does not read on to the end of its input, where the seal is.
  stdin.once('close', () => stream.unpipe(stdin).resume());
  stream.pipe(stdin);
  const { exitCode, stderr } = await ended;
  signal.throwIfAborted();
  if (exitCode === 0) return;
  // A stream that ended early is why zfs failed; one that zfs did not read to its end has not failed yet.
  if (stream.readableEnded || stream.destroyed) await whole;
  stream.destroy();
  const failure = classifyZfs(stderr);
  const cause = zfsError(context.dataset, stderr);
  if (failure !== 'unknown') throw cause;
  throw new IsolateError('bad-source', `${context.dataset} cannot receive ${name}.`, {
    cause,
    ...(/stream|feature|version/.test(stderr) ? { hint: 'send it with --tar, which every storage takes' } : {}),
  });
}

/** Checks what was received, and gives it its name. What is no template is removed. */
async function complete(context: DatasetContext, { whole, check }: Incoming): Promise<void> {
  const { dataset, own, implementation } = context;
  const partial = partialName(dataset);
  try {
    await whole;
    for (const property of ownProperties(implementation)) {
      const [name = '', value = ''] = property.split('=');
      await zfs(context, partial, planSet(partial, name, value));
    }
    const tree = await openDataset(context, partial);
    try {
      check(tree.path);
    } finally {
      await tree.close();
    }
    if ((await readDataset(context, partial))?.size === 1)
      throw new IsolateError('bad-source', `${dataset} was received without a snapshot.`);
  } catch (error) {
    await zfsWhenFree(context, partial, planDestroy(partial, true));
    throw error;
  }
  own.checkpoint('receive:before-commit');
  await refuseExisting(context, dataset);
  await rename(context, partial, dataset);
}
