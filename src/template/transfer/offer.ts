import { IsolateError } from '../../error.ts';
import { isGuid } from './header.ts';

/** A snapshot by its name in one pool and its guid in all. */
export interface KnownSnapshot {
  readonly label: string;
  readonly guid: string;
}

/** What a receiver has of a template already. */
export interface Offer {
  readonly storage: 'zfs' | 'directory';
  readonly exists: boolean;
  /** Oldest first; none where storage has no guids. */
  readonly snapshots: readonly KnownSnapshot[];
  /** With which `zfs send` continues what was interrupted; null: nothing was, or it cannot be continued. */
  readonly resumeToken: string | null;
}

/** How a dataset is sent. `nothing`: the receiver has this snapshot. */
export type Choice =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'tar' }
  | { readonly kind: 'whole' }
  | { readonly kind: 'changes'; readonly base: KnownSnapshot }
  | { readonly kind: 'rest'; readonly token: string };

/**
 * Chooses what the receiver still needs of the snapshot `wanted`. `own` are the sender's snapshots, oldest first, `wanted` among them.
 * Throws `template-exists` where the receiver has another template of that name; `receiver` is its name in messages.
 */
export function chooseTransfer(wanted: KnownSnapshot, own: readonly KnownSnapshot[], offer: Offer, receiver: string): Choice {
  if (offer.storage === 'directory') {
    if (offer.exists) throw refuseExisting(receiver, 'a directory takes no changes');
    return { kind: 'tar' };
  }
  if (offer.resumeToken !== null) return { kind: 'rest', token: offer.resumeToken };
  if (!offer.exists) return { kind: 'whole' };
  const theirs = new Set(offer.snapshots.map(({ guid }) => guid));
  if (theirs.has(wanted.guid)) return { kind: 'nothing' };
  const before = own.slice(
    0,
    own.findIndex(({ guid }) => guid === wanted.guid),
  );
  const base = before.findLast(({ guid }) => theirs.has(guid));
  if (base === undefined) throw refuseExisting(receiver, 'it has no snapshot in common with this one');
  return { kind: 'changes', base };
}

export function refuseExisting(receiver: string, why: string): IsolateError {
  return new IsolateError('template-exists', `There is already a template ${receiver}, and ${why}.`, { hint: 'send it to another name' });
}

/** Reads what `isolate template receive --offer` printed on another host. Throws `transfer-failed`. */
export function parseOffer(text: string, host: string): Offer {
  try {
    const { storage, exists, snapshots, resumeToken } = JSON.parse(text) as Record<string, unknown>;
    const isStorage = storage === 'zfs' || storage === 'directory';
    if (isStorage && typeof exists === 'boolean' && Array.isArray(snapshots) && (resumeToken === null || isToken(resumeToken)))
      return { storage, exists, snapshots: snapshots.map(readSnapshot), resumeToken };
  } catch {}
  throw strangeOffer(host);
}

export function strangeOffer(host: string): IsolateError {
  return new IsolateError('transfer-failed', `isolate on ${host} gave an answer that this isolate does not know.`, {
    hint: 'install the same version on both hosts',
  });
}

function readSnapshot(value: unknown): KnownSnapshot {
  const { label, guid } = value as Record<string, unknown>;
  if (typeof label !== 'string' || !isGuid(guid)) throw new Error('no snapshot');
  return { label, guid };
}

/** As zfs(8) prints them. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length < 65_536 && /^[0-9a-f]+(?:-[0-9a-f]+)+$/.test(value);
}
