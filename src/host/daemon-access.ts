import { statSync, type Stats } from 'node:fs';

import { findId, findUserName, isInGroup } from './passwd.ts';
import { readText } from './read-text.ts';

/** What decides whether a process may connect to the daemon. */
export interface DaemonAccess {
  /** Null: its facts cannot be read. */
  readonly socket: Pick<Stats, 'uid' | 'gid' | 'mode'> | null;
  readonly uid: number;
  /** Those of the process. */
  readonly groups: readonly number[];
  /** The texts of /etc/passwd and /etc/group. */
  readonly passwd: string;
  readonly group: string;
}

const group = 'isolate';

/** A hint for a process that may not connect to the daemon at `path`. */
export function adviseAccess(path: string): string {
  return explainAccess({
    socket: lookAt(path),
    uid: process.geteuid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
    passwd: readText('/etc/passwd') ?? '',
    group: readText('/etc/group') ?? '',
  });
}

/** The same, from facts that were read. */
export function explainAccess({ socket, uid, groups, passwd, group: groupText }: DaemonAccess): string {
  const gid = findId(groupText, group);
  if (gid === null) return `create the group ${group} with systemd-sysusers, then restart isolated.socket`;
  if (socket !== null && !isForGroup(socket, gid)) {
    const owner = socket.uid === 0 && socket.gid === gid ? '' : ` and belongs to ${socket.uid}:${socket.gid}`;
    return `it has mode ${formatMode(socket.mode)}${owner}, not 0660 root:${group}; restart isolated.socket`;
  }
  if (groups.includes(gid)) return 'its mode and your groups are right, so something else forbids it, such as a security module';
  const name = findUserName(passwd, uid);
  return name !== null && isInGroup(passwd, groupText, name, group)
    ? `log in again: you are listed in the group ${group}, but were not when you logged in`
    : `ask to be added to the group ${group} (usermod -aG ${group} ${name ?? 'USER'}, as root), and log in again`;
}

/** Whether the members of the group `isolate`, which has this id, may connect to a socket. */
export function isForGroup({ uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>, group: number | null): boolean {
  return uid === 0 && gid === group && (mode & 0o777) === 0o660;
}

/** `0660` */
export function formatMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

function lookAt(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
