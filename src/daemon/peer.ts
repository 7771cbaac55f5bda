import { readFileSync } from 'node:fs';

import { sharesNamespace } from '../host/namespaces.ts';
import { type HolderId, parseProcStat, readBootId } from '../pool/holder.ts';
import type { Rights } from '../host/rights.ts';

/** Who is at the other end of a connection, according to the kernel alone. */
export interface Peer {
  readonly uid: number;
  readonly gid: number;
  readonly rights: Rights;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** As this process sees it; 0: it cannot see the process. */
  readonly pid: number;
  /** The process that holds what this peer leases; null: there is none, and it gets no lease. */
  readonly holder: HolderId | null;
  /** Why there is none: the process has ended, or is in another pid namespace. */
  readonly absence?: Absence;
}

export type Absence = 'ended' | 'elsewhere';

/** A peer as the broker reports it. */
export interface ToldPeer extends Omit<Peer, 'holder' | 'absence'> {
  /** As in `HolderId`, of the very process that connected; null: it has ended, or cannot be seen. */
  readonly startTime: string | null;
}

/** Adds the holder of its leases to what the kernel says about a peer (SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD). */
export function readPeer({ startTime, ...told }: ToldPeer, bootId: string = readBootId(), procDirectory = '/proc'): Peer {
  const { pid } = told;
  if (pid === 0) return { ...told, holder: null, absence: 'elsewhere' };
  const isOurs = sharesNamespace(pid, 'pid', procDirectory) === true;
  // Read last: if the process still lives, everything read before under its pid was its own.
  if (startTime === null || !isRunning(pid, startTime, procDirectory)) return { ...told, holder: null, absence: 'ended' };
  return isOurs ? { ...told, holder: { pid, startTime, bootId } } : { ...told, holder: null, absence: 'elsewhere' };
}

/** Whether the peer sees the same mounts as this process, so that a path means the same to both. */
export function sameMountNamespace({ pid }: Pick<Peer, 'pid'>, procDirectory = '/proc'): boolean {
  return pid !== 0 && sharesNamespace(pid, 'mnt', procDirectory) === true;
}

function isRunning(pid: number, startTime: string, procDirectory: string): boolean {
  try {
    const stat = parseProcStat(readFileSync(`${procDirectory}/${pid}/stat`, 'latin1'));
    return stat !== null && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X';
  } catch {
    return false;
  }
}
