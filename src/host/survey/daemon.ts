import { statSync, type Stats } from 'node:fs';

import { formatMode, isForGroup } from '../daemon-access.ts';
import { daemonStart, daemonUnit, hasSystemd } from '../daemon-start.ts';
import { sharesNamespace } from '../namespaces.ts';
import { findId } from '../passwd.ts';
import { readText } from '../read-text.ts';
import { type Check, ok, toFact } from './check.ts';

/** The result of a question to the daemon. */
export type DaemonAnswer =
  /** Nothing listens. */
  | { readonly kind: 'none' }
  /** It exists, but this user may not connect; `hint` says what to do. */
  | { readonly kind: 'not-permitted'; readonly reason: string; readonly hint: string }
  | { readonly kind: 'silent'; readonly reason: string }
  | {
      readonly kind: 'serves';
      readonly pid: number;
      /** The templates whose pools it maintains; null: its settings are invalid. */
      readonly templates: readonly string[] | null;
      /** Which limits it can set for runs of users other than root. */
      readonly limits: readonly string[];
    };

const group = 'isolate';

/** The daemon: whether its socket exists, who may use it, and what the daemon answers. */
export function checkDaemon(socket: string, answer: DaemonAnswer): Check {
  const id = 'daemon';
  const limited = (fact: string, hint: string): Check => ({ id, state: 'limited', fact, hint });
  if (answer.kind === 'not-permitted') return limited(toFact(answer.reason), answer.hint);
  const stats = lookAt(socket);
  if (answer.kind === 'none' || stats === undefined) {
    return limited('no daemon runs: every run starts Node, and only root gets clones', daemonStart());
  }
  const gid = findId(readText('/etc/group') ?? '', group);
  const isMembers = isForGroup(stats, gid);
  const whose = isMembers ? `for the group ${group}` : `${stats.uid}:${stats.gid}, mode ${formatMode(stats.mode)}`;
  const place = `${socket} (${whose})`;
  if (answer.kind === 'silent') return limited(`the daemon at ${place} does not answer: ${answer.reason}`, 'journalctl -u isolated-pools');
  if (!isMembers) return limited(`the daemon at ${place} serves only root`, `systemd-sysusers, and systemctl restart ${daemonUnit}`);
  if (answer.templates === null) {
    return limited(`the daemon at ${place} lends no clones: its settings are not valid`, 'correct the file that the line "settings" names');
  }
  const apart = describeOtherMounts(answer.pid);
  if (apart !== null) return limited(`the daemon at ${place} ${apart.fact}`, apart.hint);
  if (answer.templates.length > 0) return ok(id, `the daemon at ${place} has clones of ${answer.templates.join(', ')}`);
  return limited(`the daemon at ${place} answers, but has no clones for you`, 'name a template in /etc/isolate/config.toml');
}

/** The daemon serves root's runs only if both see the same mounts; null: they do, or this user may not see it. */
function describeOtherMounts(pid: number): { readonly fact: string; readonly hint: string } | null {
  if (sharesNamespace(pid, 'mnt') !== false) return null;
  if (sharesNamespace(1, 'mnt') === true) {
    const service = 'scripts/install in the checkout, then systemctl restart isolated-pools, as root; the unit needs PrivateMounts=no';
    return {
      fact: "is in a mount namespace of its own: root's runs bypass it and may not see its clones",
      hint: hasSystemd() ? service : 'start isolate serve in the mount namespace of process 1',
    };
  }
  return {
    fact: "does not see the mounts of this process, which has a mount namespace of its own: root's runs bypass it",
    hint: 'nsenter --target 1 --mount isolate ...',
  };
}

function lookAt(socket: string): Stats | undefined {
  try {
    return statSync(socket, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
