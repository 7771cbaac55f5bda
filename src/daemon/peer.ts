import { readFileSync } from 'node:fs';

import { sharesNamespace } from '../host/namespaces.ts';
import { type HolderId, parseProcStat, readBootId } from '../pool/holder.ts';

/** Who is at the other end of a connection, by the kernel's word alone. */
export interface Peer {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** As this process sees it; 0: a process that it cannot see. */
  readonly pid: number;
  /** The process that holds what this peer leases; null: it is gone or of another pid namespace, and gets no lease. */
  readonly holder: HolderId | null;
}

/** Completes what the kernel says of a peer (SO_PEERCRED, SO_PEERGROUPS) by the start time of its process. */
export function readPeer(told: Omit<Peer, 'holder'>, bootId: string = readBootId(), procDirectory = '/proc'): Peer {
  return { ...told, holder: readHolder(told.pid, bootId, procDirectory) };
}

/** Whether the peer sees the same mounts as this process, so that a path means the same to both. */
export function sameMountNamespace({ pid }: Pick<Peer, 'pid'>, procDirectory = '/proc'): boolean {
  return pid !== 0 && sharesNamespace(pid, 'mnt', procDirectory) === true;
}

function readHolder(pid: number, bootId: string, procDirectory: string): HolderId | null {
  if (pid === 0) return null;
  try {
    const stat = parseProcStat(readFileSync(`${procDirectory}/${pid}/stat`, 'latin1'));
    if (stat === null || stat.state === 'Z' || stat.state === 'X') return null;
    return sharesNamespace(pid, 'pid', procDirectory) === true ? { pid, startTime: stat.startTime, bootId } : null;
  } catch {
    return null;
  }
}
