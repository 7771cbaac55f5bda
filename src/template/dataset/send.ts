import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

import { IsolateError } from '../../error.ts';
import { plainEnvironment } from '../../process/command.ts';
import { startStreaming, type StreamingProgram } from '../../process/stream-program.ts';
import { zfsError } from '../../storage/zfs/classify.ts';
import type { ZfsPlan } from '../../storage/zfs/plan.ts';
import { outlivingEnvironment } from '../outliving.ts';
import { type PlacedSnapshot, readSnapshots } from './family.ts';
import { withDataset } from './mount.ts';
import { planSend, planSendRest } from './plan.ts';
import { withClone } from './states.ts';
import type { DatasetContext } from './zfs.ts';

/** What a stream is made of. */
export type SentPart =
  | { readonly kind: 'whole' }
  | { readonly kind: 'changes'; readonly base: string }
  | { readonly kind: 'rest'; readonly token: string };

/** The snapshots in the template's own dataset, oldest first. Those of what it was before a rollback are not among them. */
export async function readOwnSnapshots(context: DatasetContext): Promise<readonly PlacedSnapshot[]> {
  return (await readSnapshots(context)).filter(({ dataset }) => dataset === context.dataset);
}

/** Writes a ZFS stream of a snapshot, which does not end `sink`. Throws `transfer-failed`, and what zfs says. */
export async function sendSnapshot(
  context: DatasetContext,
  label: string,
  part: SentPart,
  sink: Writable,
  signal: AbortSignal,
): Promise<void> {
  const { dataset } = context;
  const plan = part.kind === 'rest' ? planSendRest(part.token) : planSend(dataset, label, part.kind === 'changes' ? part.base : null);
  const { stdin, stdout, ended } = await startZfs(context, plan, signal);
  stdin.end();
  stdout.pipe(sink, { end: false });
  const { exitCode, stderr } = await ended;
  signal.throwIfAborted();
  if (exitCode === 0) return await drained(stdout);
  const cause = zfsError(dataset, stderr);
  if (part.kind !== 'rest') throw cause;
  throw new IsolateError('transfer-failed', `What was interrupted cannot be continued.`, {
    cause,
    hint: 'on the receiving host: isolate template receive --abort TEMPLATE',
  });
}

/** Starts zfs with pipes. */
export async function startZfs({ own, dataset }: DatasetContext, { args }: ZfsPlan, signal: AbortSignal): Promise<StreamingProgram> {
  const file = own.facts.tools.zfs;
  if (file === null) throw new IsolateError('missing-tool', `There is no zfs command on this host, so ${dataset} cannot be used.`);
  const environment = { ...plainEnvironment, ...outlivingEnvironment(own.holder) };
  return await startStreaming({ file, args, environment, signal });
}

async function drained(stdout: StreamingProgram['stdout']): Promise<void> {
  if (!stdout.readableEnded) await finished(stdout);
}

/** Gives `action` the directory of a snapshot. */
export async function withSnapshotTree<T>(
  context: DatasetContext,
  snapshot: PlacedSnapshot,
  action: (path: string) => Promise<T>,
): Promise<T> {
  return await withClone(context, snapshot, (clone) => withDataset(context, clone, ({ path }) => action(path)));
}
