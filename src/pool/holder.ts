import { readFileSync } from 'node:fs';

import { ownClient } from '../process/own-client.ts';

/** A process that holds something; no other process ever has the same three values. */
export interface HolderId {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of proc_pid_stat(5). */
  readonly startTime: string;
  readonly bootId: string;
}

const holderText = /^([1-9][0-9]{0,9})\.([0-9]{1,20})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Who holds what this process takes: it, or the client that it decides for. `procDirectory` is /proc. */
export function readOwnHolder(procDirectory = '/proc'): HolderId {
  const process = ownClient()?.pid ?? 'self';
  const holder = readHolder(process, procDirectory);
  if (holder === null) throw new Error(`${procDirectory}/${process}/stat cannot be read.`);
  return holder;
}

/** A process as a holder; null: it has ended. */
export function readHolder(pid: number | 'self', procDirectory = '/proc'): HolderId | null {
  let text: string;
  try {
    text = readFileSync(`${procDirectory}/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  const stat = parseProcStat(text);
  return stat === null ? null : { pid: stat.pid, startTime: stat.startTime, bootId: readBootId(procDirectory) };
}

/** The unique id of this boot (random(4)). */
export function readBootId(procDirectory = '/proc'): string {
  return readFileSync(`${procDirectory}/sys/kernel/random/boot_id`, 'utf8').trim();
}

/** `PID.START.BOOT`, fit for a file name. */
export function formatHolder(holder: HolderId): string {
  return `${holder.pid}.${holder.startTime}.${holder.bootId}`;
}

/** The inverse of `formatHolder`; null for anything else. */
export function parseHolder(text: string): HolderId | null {
  const [, pid, startTime, bootId] = holderText.exec(text) ?? [];
  if (pid === undefined || startTime === undefined || bootId === undefined) return null;
  return { pid: Number(pid), startTime, bootId };
}

/** Pid, state and start time from the text of /proc/PID/stat; the command in it may contain blanks and parentheses. */
export function parseProcStat(text: string): { pid: number; state: string; startTime: string } | null {
  const commandEnd = text.lastIndexOf(')');
  const pid = /^([0-9]+) \(/.exec(text)?.[1];
  if (commandEnd === -1 || pid === undefined) return null;
  const fields = text.slice(commandEnd + 2).split(' ');
  const state = fields[0];
  const startTime = fields[19];
  if (state === undefined || startTime === undefined || !/^[0-9]+$/.test(startTime)) return null;
  return { pid: Number(pid), state, startTime };
}

/**
 * Whether the holder still runs. It counts as dead only if that is certain: another boot, no such process, a process that started at
 * another time, or a zombie.
 */
export function isAlive(holder: HolderId, bootId: string, procDirectory = '/proc'): boolean {
  if (holder.bootId !== bootId) return false;
  let text: string;
  try {
    text = readFileSync(`${procDirectory}/${holder.pid}/stat`, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code !== 'ENOENT' && code !== 'ESRCH';
  }
  const stat = parseProcStat(text);
  if (stat === null) return true;
  return stat.startTime === holder.startTime && stat.state !== 'Z' && stat.state !== 'X';
}
