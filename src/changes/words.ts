import { aclAttributes, decodeAcl } from './acl.ts';
import { capabilityAttribute, decodeCapability } from './capability.ts';
import type { AttributeChange, Change, FileKind, FileState } from './change.ts';
import { showPath } from './show-path.ts';

/** One thing that changed, for people. */
export interface Word {
  readonly text: string;
  /** It gives rights, or takes something away. */
  readonly isGrave: boolean;
}

export type Letter = 'A' | 'M' | 'D' | 'R' | 'T';

export const letterWords: Readonly<Record<Letter, string>> = { A: 'added', M: 'changed', D: 'deleted', R: 'moved', T: 'replaced' };

const setIdBits = 0o6000;
const stickyBit = 0o1000;
const writableByAll = 0o002;

export function letterOf({ kinds, movedFrom }: Change): Letter {
  if (kinds.includes('added')) return movedFrom === undefined ? 'A' : 'R';
  if (kinds.includes('deleted')) return 'D';
  return kinds.includes('type') ? 'T' : 'M';
}

/** Whether it adds something that gives nobody rights, so that it may be counted instead of shown. */
export function isPlainAddition({ kinds, movedFrom, after, attributes }: Change): boolean {
  if (after === null || movedFrom !== undefined || !kinds.includes('added') || after.uid === null || after.gid === null) return false;
  if (!['file', 'directory', 'link'].includes(after.kind) || attributes.some(({ name }) => isGraveAttribute(name))) return false;
  return after.kind === 'link' || !isGraveMode(after);
}

export function kindName(kind: FileKind): string {
  return kind.replace('-', ' ');
}

export function showSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`;
  const steps = Math.min(Math.floor(Math.log10(bytes) / 3), 6);
  const value = bytes / 1000 ** steps;
  return `${value < 10 ? value.toFixed(1) : Math.floor(value)} ${['', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'][steps]}`;
}

export function showMode(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}

/** 0 is root in every system. */
export function showId(id: number | null): string {
  return id === null ? 'unknown' : id === 0 ? 'root' : String(id);
}

/** What a change did to a file, most important first for each kind. */
export function describe(change: Change): readonly Word[] {
  const { before, after, kinds, attributes } = change;
  const moved = change.movedFrom === undefined ? [] : [plain(`from ${showPath(`/${change.movedFrom}`)}`)];
  if (after === null) return before === null ? [] : describeState(before);
  if (before === null) return [...describeState(after), ...describeRights(after), ...attributes.flatMap(describeAttribute)];
  const differences = kinds.flatMap((kind) => describeKind(kind, before, after));
  return [...moved, ...differences, ...attributes.flatMap(describeAttribute)];
}

/** The part that is neither in the content of a file nor in its type. */
export function describeMetadata({ before, after, kinds, attributes }: Change): readonly Word[] {
  if (after === null) return [];
  const ids =
    before === null
      ? describeOwner(after)
      : kinds.filter((kind) => kind === 'owner' || kind === 'group').flatMap((kind) => describeKind(kind, before, after));
  return [...ids, ...attributes.flatMap(describeAttribute)];
}

const plain = (text: string): Word => ({ text, isGrave: false });
const grave = (text: string): Word => ({ text, isGrave: true });

function describeKind(kind: Change['kinds'][number], before: FileState, after: FileState): readonly Word[] {
  switch (kind) {
    case 'type':
      return [grave(`${kindName(before.kind)} -> ${[kindName(after.kind), ...specifics(after)].join(' ')}`)];
    case 'content':
      return [plain(describeContent(before, after))];
    case 'mode':
      return [{ text: `mode ${showMode(before.mode)} -> ${showMode(after.mode)}${nameBits(after)}`, isGrave: isGraveMode(after) }];
    case 'owner':
      return [grave(`owner ${showId(before.uid)} -> ${showId(after.uid)}`)];
    case 'group':
      return [grave(`group ${showId(before.gid)} -> ${showId(after.gid)}`)];
    default:
      return [];
  }
}

function describeContent(before: FileState, after: FileState): string {
  if (after.kind === 'link') return `target ${showPath(before.target ?? '')} -> ${showPath(after.target ?? '')}`;
  if (after.kind !== 'file') return `device ${showDevice(before)} -> ${showDevice(after)}`;
  const [old, now] = [showSize(before.sizeBytes), showSize(after.sizeBytes)];
  return old === now ? `content, ${now}` : `content, ${old} -> ${now}`;
}

export function showDevice({ device }: FileState): string {
  return `${device.major}:${device.minor}`;
}

/** What a file is; a directory is known by the slash after its name. */
function describeState(state: FileState): readonly Word[] {
  if (state.kind === 'directory') return [];
  if (state.kind === 'file') return [plain(showSize(state.sizeBytes))];
  const text = [kindName(state.kind), ...specifics(state)].join(' ');
  return [{ text, isGrave: state.kind.endsWith('device') }];
}

function specifics(state: FileState): readonly string[] {
  if (state.kind === 'link') return [`to ${showPath(state.target ?? '')}`];
  return state.kind.endsWith('device') ? [showDevice(state)] : [];
}

/** What a new file lets people do that they should know. */
function describeRights(state: FileState): readonly Word[] {
  const mode = state.kind !== 'link' && isGraveMode(state) ? [grave(`mode ${showMode(state.mode)}${nameBits(state)}`)] : [];
  return [...mode, ...describeOwner(state)];
}

function describeOwner({ uid, gid }: FileState): readonly Word[] {
  return uid === 0 && gid === 0 ? [] : [{ text: `owner ${showId(uid)}:${showId(gid)}`, isGrave: uid === null || gid === null }];
}

function isGraveMode({ kind, mode }: FileState): boolean {
  const isOpen = (mode & writableByAll) !== 0 && (kind !== 'directory' || (mode & stickyBit) === 0) && kind !== 'socket';
  return (kind === 'file' && (mode & setIdBits) !== 0) || isOpen;
}

function nameBits({ kind, mode }: FileState): string {
  if (kind !== 'file') return '';
  const bits = [...(mode & 0o4000 ? ['set-uid'] : []), ...(mode & 0o2000 ? ['set-gid'] : [])];
  return bits.length === 0 ? '' : ` (${bits.join(', ')})`;
}

function isGraveAttribute(name: string): boolean {
  return name === capabilityAttribute || Object.hasOwn(aclAttributes, name);
}

function describeAttribute({ name, before, after }: AttributeChange): readonly Word[] {
  if (Object.hasOwn(aclAttributes, name)) return describeAcl(aclAttributes[name] ?? '', before, after);
  const [old, now] = [before, after].map((value) => (value === null || name !== capabilityAttribute ? null : decodeCapability(value)));
  const isGrave = isGraveAttribute(name);
  const title = showPath(name);
  if (before === null) return [{ text: `${now ?? title} added`, isGrave }];
  if (after === null) return [{ text: `${old ?? title} removed`, isGrave }];
  return [
    { text: old === null || now === null || old === undefined || now === undefined ? `${title} changed` : `${old} -> ${now}`, isGrave },
  ];
}

function describeAcl(prefix: string, before: Uint8Array | null, after: Uint8Array | null): readonly Word[] {
  const [old, now] = [before, after].map((value) => (value === null ? [] : decodeAcl(value)));
  if (!old || !now) return [grave(`${prefix}ACL changed`)];
  const gone = old.filter((entry) => !now.includes(entry));
  const fresh = now.filter((entry) => !old.includes(entry));
  const list = (entries: readonly string[], verb: string): readonly Word[] =>
    entries.length === 0 ? [] : [grave(`ACL ${entries.map((entry) => prefix + entry).join(',')} ${verb}`)];
  return [...list(gone, 'removed'), ...list(fresh, 'added')];
}
