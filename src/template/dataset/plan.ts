import type { ZfsImplementation } from '../../storage/zfs/implementation.ts';
import type { ZfsPlan } from '../../storage/zfs/plan.ts';
import { roomStep, stepProperty, templateProperty } from './names.ts';

/** User property of a draft: the process that fills it, as `formatHolder` writes it. */
export const draftProperty = 'isolate:draft';
/** Many times what ZFS takes for the change of a few names. */
const roomBytes = 4 * 1024 * 1024;

export const datasetProperties = ['type', 'guid', 'creation', 'createtxg', 'used', 'mounted', 'mountpoint', 'defer_destroy'] as const;

/** Root's programs must work as they are; a template is mounted only where isolate wants it, because it has set-uid programs. */
export function ownProperties({ name }: ZfsImplementation): readonly string[] {
  const ignored = name === 'OpenZFS' ? ['org.openzfs.systemd:ignore=on'] : [];
  // zfs-fuse mounts what is not off as soon as it is made.
  return [
    `canmount=${name === 'OpenZFS' ? 'noauto' : 'off'}`,
    'readonly=off',
    'exec=on',
    'setuid=on',
    'sharenfs=off',
    'sharesmb=off',
    `${templateProperty}=yes`,
    ...ignored,
  ];
}

function withProperties(properties: readonly string[]): readonly string[] {
  return properties.flatMap((property) => ['-o', property]);
}

/** Reads a dataset, its snapshots and what is below it. */
export function planRead(dataset: string): ZfsPlan {
  return { args: ['get', '-H', '-p', '-r', '-d', '1', '-o', 'name,property,value,source', datasetProperties.join(','), dataset] };
}

/** Reads what there is beside a template, one line each: name, origin, step, holder. */
export function planBesides(parent: string): ZfsPlan {
  return { args: ['list', '-H', '-r', '-d', '1', '-t', 'filesystem', '-o', `name,origin,${stepProperty},${draftProperty}`, parent] };
}

/** The snapshot of which a dataset is a clone; `-`: none. */
export function planOrigin(dataset: string): ZfsPlan {
  return { args: ['list', '-H', '-o', 'origin', dataset] };
}

/** The dataset whose key encrypts this one; `-`: none. For OpenZFS. */
export function planEncryptionRoot(dataset: string): ZfsPlan {
  return { args: ['get', '-H', '-o', 'value', 'encryptionroot', dataset] };
}

/** The properties that were set on a dataset itself. */
export function planLocal(dataset: string): ZfsPlan {
  return { args: ['get', '-H', '-p', '-s', 'local', '-o', 'property,value', 'all', dataset] };
}

/** Makes a dataset for templates to be in, with those above it, as `zfs create` does. */
export function planCreateParent(dataset: string): ZfsPlan {
  return { args: ['create', '-p', dataset] };
}

export function planCreate(zfs: ZfsImplementation, dataset: string, holder: string): ZfsPlan {
  return { args: ['create', ...withProperties([...ownProperties(zfs), `${draftProperty}=${holder}`]), dataset] };
}

/** An empty draft that keeps space from others until it is destroyed. */
export function planRoom(zfs: ZfsImplementation, dataset: string, holder: string): ZfsPlan {
  const properties = [...ownProperties(zfs), `${draftProperty}=${holder}`, `${stepProperty}=${roomStep}`, `reservation=${roomBytes}`];
  return { args: ['create', ...withProperties(properties), dataset] };
}

/** A draft with the contents of a snapshot; `properties` are those of the template, `NAME=VALUE`. */
export function planDraftOf(
  zfs: ZfsImplementation,
  snapshot: string,
  dataset: string,
  holder: string,
  properties: readonly string[],
): ZfsPlan {
  return { args: ['clone', ...withProperties([...properties, ...ownProperties(zfs), `${draftProperty}=${holder}`]), snapshot, dataset] };
}

export function planSet(dataset: string, property: string, value: string): ZfsPlan {
  return { args: ['set', `${property}=${value}`, dataset] };
}

export function planForget(dataset: string, property: string): ZfsPlan {
  return { args: ['inherit', property, dataset] };
}

export function planSnapshot(dataset: string, label: string): ZfsPlan {
  return { args: ['snapshot', `${dataset}@${label}`] };
}

/** Back to the newest snapshot; it fails if there is a newer one. */
export function planRollback(dataset: string, label: string): ZfsPlan {
  return { args: ['rollback', `${dataset}@${label}`] };
}

export function planPromote(dataset: string): ZfsPlan {
  return { args: ['promote', dataset] };
}

export function planRename(from: string, to: string): ZfsPlan {
  return { args: ['rename', from, to] };
}

/** Never -R, which takes clones along, nor -f. */
export function planDestroy(name: string, withSnapshots: boolean): ZfsPlan {
  return { args: ['destroy', ...(withSnapshots ? ['-r'] : []), name] };
}

export function planUnmount(dataset: string): ZfsPlan {
  return { args: ['unmount', dataset] };
}

export function planMount(dataset: string): ZfsPlan {
  return { args: ['mount', dataset] };
}

/** A stream of a snapshot: whole, or its changes since an older one of the same dataset. */
export function planSend(dataset: string, label: string, base: string | null): ZfsPlan {
  return { args: ['send', ...(base === null ? [] : ['-i', `${dataset}@${base}`]), `${dataset}@${label}`] };
}

/** The rest of a stream that was interrupted. */
export function planSendRest(token: string): ZfsPlan {
  return { args: ['send', '-t', token] };
}

/** Prints what a token continues, and sends nothing. */
export function planReadToken(token: string): ZfsPlan {
  return { args: ['send', '-n', '-v', '-t', token] };
}

/**
 * Takes a stream in, and mounts nothing. Without -F: what is there is not changed. A new dataset gets no properties of the stream; OpenZFS
 * keeps what it has of one that is interrupted.
 */
export function planReceive({ name }: ZfsImplementation, dataset: string, isNew: boolean): ZfsPlan {
  const options = name === 'OpenZFS' ? ['-s', ...(isNew ? ['-o', 'canmount=noauto'] : [])] : [];
  return { args: ['receive', ...options, '-u', dataset] };
}

/** Throws away what was received of an interrupted stream. */
export function planAbort(dataset: string): ZfsPlan {
  return { args: ['receive', '-A', dataset] };
}

export function planToken(dataset: string): ZfsPlan {
  return { args: ['get', '-H', '-o', 'value', 'receive_resume_token', dataset] };
}
