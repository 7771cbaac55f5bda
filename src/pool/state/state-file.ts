import { formatHolder, parseHolder } from '../holder.ts';
import type { HolderId } from '../holder.ts';
import { mergedPath, type Rootfs, rootfsOf, type IdMaps, type Ownership } from '../../rootfs/rootfs.ts';

/**
 * What becomes of a clone, in this order; one of a session is leased and kept by turns. It is the directory that the clone's file is in.
 */
export type CloneState = 'fresh' | 'leased' | 'kept' | 'retired';

/** What is written about a clone when it is made; its state is the directory of the file. */
export interface CloneRecord {
  readonly id: string;
  readonly guid: string;
  readonly source: string;
  readonly rootfs: Rootfs;
  readonly createdMs: number;
  /** Device and inode of the rootfs directory: what is mounted there now is still what was made. */
  readonly device: number;
  readonly inode: number;
}

/** What is written about a clone that could not be destroyed. */
export interface RetiredRecord {
  readonly attempts: number;
  readonly nextAttemptMs: number;
}

const version = 1;
const idText = /^[0-9]{1,20}$/;
const longestState = 65_536;

/** Ids are decimal digits, so they can name only state files. */
export function isCloneId(text: string): boolean {
  return idText.test(text);
}

/** `ID.PID.START.BOOT`: the name of a leased clone's file includes the holder, so one rename(2) sets both. */
export function formatLeaseName(id: string, holder: HolderId): string {
  return `${id}.${formatHolder(holder)}`;
}

/** The inverse of `formatLeaseName`; null for anything else. */
export function parseLeaseName(name: string): { id: string; holder: HolderId } | null {
  const dot = name.indexOf('.');
  if (dot === -1) return null;
  const id = name.slice(0, dot);
  const holder = parseHolder(name.slice(dot + 1));
  return isCloneId(id) && holder !== null ? { id, holder } : null;
}

/** One line of JSON. */
export function formatCloneRecord({ rootfs, ...state }: CloneRecord): string {
  return `${JSON.stringify({ version, ...state, rootfs: rootfsRecord(rootfs) })}\n`;
}

/** The inverse of `formatCloneRecord`; null for anything that this version did not write completely. */
export function parseCloneRecord(text: string): CloneRecord | null {
  const data = parseRecord(text);
  if (data === null) return null;
  const { id, guid, source, createdMs, device, inode } = data;
  const rootfs = parseRootfs(data['rootfs']);
  if (typeof id !== 'string' || !isCloneId(id) || typeof guid !== 'string' || typeof source !== 'string') return null;
  if (!isNumber(createdMs) || !isNumber(device) || !isNumber(inode) || rootfs === null) return null;
  return { id, guid, source, rootfs, createdMs, device, inode };
}

/** One line of JSON. */
export function formatRetiredRecord(state: RetiredRecord): string {
  return `${JSON.stringify({ version, attempts: state.attempts, nextAttemptMs: state.nextAttemptMs })}\n`;
}

/** The back-off of a retired clone; a file without one, like most, means: not tried yet. */
export function parseRetiredRecord(text: string): RetiredRecord {
  const data = parseRecord(text);
  const attempts = data?.['attempts'];
  const nextAttemptMs = data?.['nextAttemptMs'];
  if (!isNumber(attempts) || !isNumber(nextAttemptMs)) return { attempts: 0, nextAttemptMs: 0 };
  return { attempts, nextAttemptMs };
}

/** The JSON object in `text` if it is of this version, else null. */
function parseRecord(text: string): Readonly<Record<string, unknown>> | null {
  if (text.length > longestState || !text.endsWith('\n')) return null;
  try {
    const data: unknown = JSON.parse(text);
    return isRecord(data) && data['version'] === version ? data : null;
  } catch {
    return null;
  }
}

/** In the form of earlier versions, so that their clones stay usable. */
function rootfsRecord({ parts: [part] }: Rootfs): object {
  switch (part.kind) {
    case 'tree':
      return { path: part.source, ownership: part.ownership, idmappable: part.idmappable };
    case 'overlay': {
      const { lower, upperParent, ownership, idmappable } = part;
      const layers = { lower, upperParent, lowerIdmappable: idmappable.lower, upperIdmappable: idmappable.upper };
      return { path: mergedPath(part), ownership, idmappable: false, layers };
    }
    case 'given':
      throw new TypeError('A tree of the daemon belongs to no pool.');
  }
}

function parseRootfs(data: unknown): Rootfs | null {
  if (!isRecord(data)) return null;
  const { path, idmappable, layers } = data;
  const ownership = parseOwnership(data['ownership']);
  if (!isPath(path) || typeof idmappable !== 'boolean' || ownership === null) return null;
  if (layers === undefined) return rootfsOf({ kind: 'tree', source: path, ownership, idmappable });
  if (!isRecord(layers)) return null;
  const { lower, upperParent, lowerIdmappable, upperIdmappable } = layers;
  if (!isPath(lower) || !isPath(upperParent)) return null;
  if (typeof lowerIdmappable !== 'boolean' || typeof upperIdmappable !== 'boolean') return null;
  return rootfsOf({ kind: 'overlay', lower, upperParent, ownership, idmappable: { lower: lowerIdmappable, upper: upperIdmappable } });
}

function parseOwnership(data: unknown): Ownership | null {
  if (!isRecord(data)) return null;
  if (data['kind'] === 'natural') return { kind: 'natural' };
  const { uidBase, gidBase, uidMap, gidMap } = data;
  if (data['kind'] === 'mapped') return isIdMap(uidMap) && isIdMap(gidMap) ? { kind: 'mapped', uidMap, gidMap } : null;
  if (data['kind'] !== 'shifted' || !isNumber(uidBase) || !isNumber(gidBase)) return null;
  return { kind: 'shifted', uidBase, gidBase };
}

function isIdMap(data: unknown): data is IdMaps['uidMap'] {
  return (
    Array.isArray(data) && data.every((entry) => isRecord(entry) && ['inside', 'outside', 'count'].every((key) => isNumber(entry[key])))
  );
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

function isNumber(data: unknown): data is number {
  return typeof data === 'number' && Number.isFinite(data) && data >= 0;
}

function isPath(data: unknown): data is string {
  return typeof data === 'string' && data.startsWith('/') && !data.includes('\0');
}
