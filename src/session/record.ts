import type { ChangedOwnership } from '../rootfs/rootfs.ts';
import { isSessionName } from '../spec/parse-name.ts';
import { directoryStorages, type RootRef } from '../spec/root-ref.ts';
import type { ClonedDirectory } from '../storage/noted.ts';

/** A root that clones are made of. */
export type ClonedRoot = Extract<RootRef, { readonly kind: 'volume' }> | ClonedDirectory;

/** Whether they have the same clones. */
export function isSameRoot(one: ClonedRoot, other: ClonedRoot): boolean {
  if (one.kind === 'volume') return other.kind === 'volume' && one.locator === other.locator;
  if (other.kind === 'volume' || one.path !== other.path) return false;
  return (one.storage ?? 'overlay') === (other.storage ?? 'overlay');
}

/** What is known about a session: in the storage with its clone, and in the index. */
export interface SessionRecord {
  /** Unique among the sessions of its owner. */
  readonly name: string;
  readonly uid: number;
  readonly root: ClonedRoot;
  /** The clone: `id` and `guid` as the storage has them. */
  readonly clone: { readonly id: string; readonly guid: string };
  /** The owners of the clone's files, where the storage had to change them; null: their natural ones. */
  readonly owners: ChangedOwnership | null;
  /** The state of the template that the clone was made of. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  /** Of the last run. */
  readonly engine: string;
  readonly command: readonly string[];
  readonly usedMs: number;
}

const version = 1;
const longestText = 16_384;

/** What changes with each run in a session. */
export type LastRun = Pick<SessionRecord, 'engine' | 'command' | 'usedMs'>;

/** One line of JSON. */
export function formatLastRun({ engine, command, usedMs }: LastRun): string {
  return `${JSON.stringify({ version, engine, command, usedMs })}\n`;
}

/** The inverse of `formatLastRun`; null for anything that this version did not write completely. */
export function parseLastRun(text: string): LastRun | null {
  const data = parseWhole(text);
  if (!isRecord(data) || data['version'] !== version || !isLastRun(data)) return null;
  const { engine, command, usedMs } = data;
  return { engine, command, usedMs };
}

/** One line of JSON. */
export function formatSession(record: SessionRecord): string {
  return `${JSON.stringify({ version, ...record })}\n`;
}

/** The inverse of `formatSession`; null for anything that this version did not write completely. */
export function parseSession(text: string): SessionRecord | null {
  const data = parseWhole(text);
  if (!isSession(data)) return null;
  const { name, uid, root, clone, owners, source, createdMs, engine, command, usedMs } = data;
  return { name, uid, root, clone, owners, source, createdMs, engine, command, usedMs };
}

function parseWhole(text: string): unknown {
  if (text.length > longestText || !text.endsWith('\n')) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isSession(data: unknown): data is SessionRecord {
  return (
    isRecord(data) &&
    data['version'] === version &&
    typeof data['name'] === 'string' &&
    isSessionName(data['name']) &&
    isNumber(data['uid']) &&
    isRoot(data['root']) &&
    isRecord(data['clone']) &&
    typeof data['clone']['id'] === 'string' &&
    typeof data['clone']['guid'] === 'string' &&
    isOwners(data['owners']) &&
    typeof data['source'] === 'string' &&
    isNumber(data['createdMs']) &&
    isLastRun(data)
  );
}

function isLastRun(data: Readonly<Record<string, unknown>>): data is Readonly<Record<string, unknown>> & LastRun {
  const { engine, command, usedMs } = data;
  return typeof engine === 'string' && Array.isArray(command) && command.every((word) => typeof word === 'string') && isNumber(usedMs);
}

function isRoot(data: unknown): data is ClonedRoot {
  if (!isRecord(data)) return false;
  if (data['kind'] === 'volume') return typeof data['locator'] === 'string';
  if (data['kind'] !== 'directory' || typeof data['path'] !== 'string' || data['write'] !== 'clone') return false;
  return data['storage'] === undefined || directoryStorages.some((name) => name === data['storage']);
}

function isOwners(data: unknown): data is ChangedOwnership | null {
  if (data === null) return true;
  if (!isRecord(data)) return false;
  if (data['kind'] === 'shifted') return isNumber(data['uidBase']) && isNumber(data['gidBase']);
  return data['kind'] === 'mapped' && isIdMap(data['uidMap']) && isIdMap(data['gidMap']);
}

function isIdMap(data: unknown): boolean {
  return (
    Array.isArray(data) && data.every((entry) => isRecord(entry) && ['inside', 'outside', 'count'].every((key) => isNumber(entry[key])))
  );
}

function isNumber(data: unknown): data is number {
  return typeof data === 'number' && Number.isFinite(data) && data >= 0;
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}
