import { lstatSync } from 'node:fs';

import type { TemplateContext } from '../context.ts';
import { readDataset } from '../dataset/family.ts';
import { abortReceive, readResumeToken } from '../dataset/receive.ts';
import { readOwnSnapshots } from '../dataset/send.ts';
import { openDatasetContext, refuseOthers } from '../dataset/zfs.ts';
import { changeTemplate } from '../open-store.ts';
import type { TemplateRef } from '../template-ref.ts';
import type { Offer } from './offer.ts';

/** What there is of a template that another host wants to send. Throws `not-permitted`. */
export async function makeOffer(ref: TemplateRef, own: TemplateContext): Promise<Offer> {
  if (ref.kind === 'directory') {
    const exists = lstatSync(ref.path, { throwIfNoEntry: false }) !== undefined;
    return { storage: 'directory', exists, snapshots: [], resumeToken: null };
  }
  refuseOthers({ dataset: ref.dataset, own });
  const context = await openDatasetContext(ref.dataset, own);
  const exists = (await readDataset(context, ref.dataset)) !== null;
  const snapshots = exists ? (await readOwnSnapshots(context)).map(({ label, guid }) => ({ label, guid })) : [];
  return { storage: 'zfs', exists, snapshots, resumeToken: await readResumeToken(context) };
}

/** Throws away what an interrupted transfer left. Returns whether there was anything. Throws `template-busy`. */
export async function abortTransfer(ref: TemplateRef, own: TemplateContext): Promise<boolean> {
  // Of a directory nothing is left that the next change does not sweep away.
  return await changeTemplate(ref, own, async () =>
    ref.kind === 'dataset' ? await abortReceive(await openDatasetContext(ref.dataset, own)) : false,
  );
}
