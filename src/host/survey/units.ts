import { existsSync, readdirSync } from 'node:fs';

import { daemonStart, daemonUnit, findUnit, hasSystemd } from '../daemon-start.ts';
import { type Check, ok } from './check.ts';
import type { DaemonAnswer } from './daemon.ts';

const refreshUnit = 'isolate-refresh@.path';

/** What refills pools: the daemon, or systemd units, and for which templates they are enabled. */
export function checkUnits(answer: DaemonAnswer, systemd: boolean = hasSystemd()): Check {
  const id = 'units';
  const limited = (fact: string, hint?: string): Check => ({ id, state: 'limited', fact, ...(hint === undefined ? {} : { hint }) });
  if (!systemd) {
    if (answer.kind === 'serves') return ok(id, 'pools are maintained by the daemon; systemd does not run here');
    if (answer.kind === 'not-permitted') return limited('systemd does not run here, and you may not ask whether a daemon refills pools');
    return limited('systemd does not run here, so nothing refills pools by itself', daemonStart(systemd));
  }
  const enabled = listEnabled();
  if (enabled.includes(daemonUnit)) return ok(id, `pools are maintained by the daemon of ${daemonUnit}`);
  const isInstalled = findUnit(daemonUnit) !== null;
  if (answer.kind === 'serves') {
    const start = isInstalled ? `systemctl enable ${daemonUnit}, as root` : daemonStart(systemd);
    return limited('pools are maintained by a daemon that is not started at boot', start);
  }
  if (enabled.length > 0) return ok(id, `pools are refilled by ${enabled.join(', ')}`);
  if (isInstalled || findUnit(refreshUnit) !== null) {
    return limited('the units of isolate are installed but not enabled, so nothing refills pools by itself', daemonStart(systemd));
  }
  return {
    id,
    state: 'missing',
    fact: 'the units of isolate are not installed, so nothing refills pools by itself',
    hint: daemonStart(systemd),
  };
}

function listEnabled(): readonly string[] {
  const root = '/etc/systemd/system';
  const wants = existsSync(root) ? readdirSync(root).filter((name) => name.endsWith('.wants')) : [];
  return wants
    .flatMap((name) => readdirSync(`${root}/${name}`))
    .filter((name) => name === daemonUnit || /^isolate-refresh@.+\.path$/.test(name));
}
