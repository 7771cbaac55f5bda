import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EndOperation } from '../../launch/launch.ts';
import { IsolateError } from '../../error.ts';
import { idsPerSandbox } from '../../spec/parse-number.ts';
import { formatHolder, isAlive, parseHolder, readOwnHolder } from '../holder.ts';
import type { HolderId } from '../holder.ts';
import type { RuntimePaths } from '../paths.ts';
import { readDirectory } from '../read-directory.ts';

/** One run's claim on a range of ids: no other living run has the same `slot`. */
export interface IdSlot {
  readonly slot: number;
  readonly release: () => void;
  /** The same for a launcher. */
  readonly freeing: EndOperation;
}

/** The most ranges that are used, however many ids there are. */
const mostSlots = 1024;
/** Guesses to make before reading the directories. */
const guesses = 4;

/**
 * Claims one of the slots 1 to `count - 1`; slot 0 is for sandboxes that share the ids of a shifted rootfs. A free slot is the file
 * `free/N`, a claimed one `used/N.PID.START.BOOT`. So one rename(2) claims it and names its holder, only one of several processes
 * succeeds, and the slot of a dead holder is taken over in the same way. Throws `cannot-enforce` if all are taken.
 */
export function claimSlot(paths: RuntimePaths, count: number, holder: HolderId = readOwnHolder()): IdSlot {
  const table = join(paths.ids, 'slots');
  const end = Math.min(count, mostSlots);
  const slot = end > 1 ? (guess(table, end, holder) ?? search(table, end, holder)) : null;
  if (slot === null) {
    throw new IsolateError('cannot-enforce', `All ${Math.max(end - 1, 0)} id ranges for sandboxes are in use.`, {
      hint: `give the user isolate more subordinate ids in /etc/subuid and /etc/subgid, ${idsPerSandbox} for each concurrent run`,
    });
  }
  const [used, free] = [usedName(slot, holder), freeName(slot)];
  const freeing = { kind: 'move', path: join(table, used), to: join(table, free) } as const;
  return { slot, release: () => void rename(table, used, free), freeing };
}

/** Frees the slots of dead holders; returns their number. */
export function sweepSlots(paths: RuntimePaths, bootId: string): number {
  const table = join(paths.ids, 'slots');
  let freed = 0;
  for (const { slot, name, alive } of readUsed(table, bootId)) if (!alive && rename(table, name, freeName(slot))) freed += 1;
  return freed;
}

function guess(table: string, end: number, holder: HolderId): number | null {
  for (let attempt = 0; attempt < guesses; attempt += 1) {
    const slot = 1 + Math.floor(Math.random() * (end - 1));
    if (rename(table, freeName(slot), usedName(slot, holder))) return slot;
  }
  return null;
}

function search(table: string, end: number, holder: HolderId): number | null {
  makeTable(table);
  for (const text of readDirectory(join(table, 'free'))) {
    const slot = Number(text);
    if (slot >= 1 && slot < end && rename(table, freeName(slot), usedName(slot, holder))) return slot;
  }
  for (const { slot, name, alive } of readUsed(table, holder.bootId)) {
    if (!alive && slot < end && rename(table, name, usedName(slot, holder))) return slot;
  }
  return null;
}

/** Makes the complete table elsewhere and renames it: only one of several processes succeeds. */
function makeTable(table: string): void {
  if (readDirectory(join(table, 'free')).length + readDirectory(join(table, 'used')).length > 0) return;
  const draft = mkdtempSync(`${table}.`);
  mkdirSync(join(draft, 'free'), { mode: 0o700 });
  mkdirSync(join(draft, 'used'), { mode: 0o700 });
  for (let slot = 1; slot < mostSlots; slot += 1) writeFileSync(join(draft, freeName(slot)), '', { mode: 0o600 });
  try {
    renameSync(draft, table);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

function readUsed(table: string, bootId: string): { slot: number; name: string; alive: boolean }[] {
  return readDirectory(join(table, 'used')).flatMap((text) => {
    const [, slot, holderText] = /^([0-9]{1,4})\.(.*)$/.exec(text) ?? [];
    const holder = parseHolder(holderText ?? '');
    return holder === null ? [] : [{ slot: Number(slot), name: join('used', text), alive: isAlive(holder, bootId) }];
  });
}

function freeName(slot: number): string {
  return join('free', String(slot));
}

function usedName(slot: number, holder: HolderId): string {
  return join('used', `${slot}.${formatHolder(holder)}`);
}

function rename(table: string, from: string, to: string): boolean {
  try {
    renameSync(join(table, from), join(table, to));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
