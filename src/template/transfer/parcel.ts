import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

import { IsolateError } from '../../error.ts';
import { describeDirectory } from '../../storage/directory.ts';
import type { TemplateContext } from '../context.ts';
import { readDataset } from '../dataset/family.ts';
import { readOwnSnapshots, sendSnapshot, type SentPart, withSnapshotTree } from '../dataset/send.ts';
import { refuseForeignToken } from '../dataset/resume-token.ts';
import { openDatasetContext, refuseOthers } from '../dataset/zfs.ts';
import { directoryLayout, treeName } from '../directory/layout.ts';
import { packDirectory, type PackedDirectory } from '../fill/pack.ts';
import { findSnapshot } from '../label.ts';
import { openStore } from '../open-store.ts';
import type { Carried } from './header.ts';
import { chooseTransfer, type Choice, type Offer, refuseExisting } from './offer.ts';
import type { TemplateRef } from '../template-ref.ts';

/** What is sent, ready to be written. */
export interface Parcel {
  readonly label: string | null;
  readonly carried: Carried;
  /** Writes the payload, and does not end the stream. */
  readonly write: (payload: Writable, signal: AbortSignal) => Promise<void>;
}

/** What is to be sent, and who receives it. */
export interface ParcelRequest {
  readonly ref: TemplateRef;
  /** One of its snapshots; null: the newest of a dataset, the present state of a directory. */
  readonly label: string | null;
  /** Send a tar archive although a ZFS stream is possible. */
  readonly asTar: boolean;
  /** What the receiver has; null: it cannot be asked. */
  readonly offer: Offer | null;
  /** The receiver in messages. */
  readonly receiver: string;
}

/** Decides how a template is sent. null: the receiver has it. Throws what `sendTemplate` does. */
export async function openParcel(wanted: ParcelRequest, context: TemplateContext): Promise<Parcel | null> {
  return wanted.ref.kind === 'directory'
    ? await openDirectoryParcel(wanted.ref.path, wanted, context)
    : await openDatasetParcel(wanted.ref.dataset, wanted, context);
}

async function openDirectoryParcel(
  path: string,
  { ref, label, offer, receiver }: ParcelRequest,
  context: TemplateContext,
): Promise<Parcel> {
  describeDirectory(path);
  if (label !== null) findSnapshot(path, await openStore(ref, context).snapshots(), label);
  if (offer?.exists === true) throw refuseExisting(receiver, 'directories are only sent whole');
  const tree = label === null ? path : join(directoryLayout(path).snapshot(label), treeName);
  return { label, carried: { kind: 'tar' }, write: (payload, signal) => pack(context, { path: tree, name: path }, payload, signal) };
}

async function openDatasetParcel(
  dataset: string,
  { label, offer, asTar, receiver }: ParcelRequest,
  own: TemplateContext,
): Promise<Parcel | null> {
  refuseOthers({ dataset, own });
  const context = await openDatasetContext(dataset, own);
  if ((await readDataset(context, dataset)) === null) throw new IsolateError('template-missing', `There is no dataset ${dataset}.`);
  const snapshots = await readOwnSnapshots(context);
  const snapshot = label === null ? snapshots.at(-1) : findSnapshot(dataset, snapshots, label);
  if (snapshot === undefined) {
    throw new IsolateError('template-without-snapshot', `The dataset ${dataset} has no snapshot to send.`, {
      hint: `isolate template snapshot ${dataset}`,
    });
  }
  const choice = choose();
  switch (choice.kind) {
    case 'nothing':
      return null;
    case 'tar':
      return {
        label: snapshot.label,
        carried: { kind: 'tar' },
        write: (payload, signal) =>
          withSnapshotTree(context, snapshot, (path) => pack(own, { path, name: `${dataset}@${snapshot.label}` }, payload, signal)),
      };
    case 'whole':
      return stream({ kind: 'zfs', part: 'whole' }, { kind: 'whole' });
    case 'changes':
      return stream({ kind: 'zfs', part: 'changes', base: choice.base.guid }, { kind: 'changes', base: choice.base.label });
    case 'rest':
      // Of an interrupted transfer of the newest state there may be a newer one.
      await refuseForeignToken(
        context,
        choice.token,
        (label === null ? snapshots : [snapshot]).map(({ guid }) => guid),
      );
      return stream({ kind: 'zfs', part: 'rest' }, { kind: 'rest', token: choice.token });
  }

  function choose(): Choice {
    if (asTar && offer?.exists === true) throw refuseExisting(receiver, 'a tar archive has no changes');
    if (snapshot === undefined || asTar) return { kind: 'tar' };
    return offer === null ? { kind: 'whole' } : chooseTransfer(snapshot, snapshots, offer, receiver);
  }

  function stream(carried: Carried, part: SentPart): Parcel {
    const sent = snapshot?.label ?? '';
    return { label: sent, carried, write: (payload, signal) => sendSnapshot(context, sent, part, payload, signal) };
  }
}

/** Writes a tar archive of a tree, with the natural owners. */
async function pack({ facts }: TemplateContext, tree: PackedDirectory, payload: Writable, signal: AbortSignal): Promise<void> {
  let drained: Promise<void> = Promise.resolve();
  await packDirectory(
    facts,
    tree,
    (stream) => {
      drained = finished(stream);
      drained.catch(() => {});
      stream.pipe(payload, { end: false });
    },
    signal,
  );
  await drained;
}
