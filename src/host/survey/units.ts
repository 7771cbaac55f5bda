import { existsSync, readdirSync } from 'node:fs';

import { hasSystemd } from '../daemon-start.ts';
import { type Check, ok } from './check.ts';
import type { DaemonAnswer } from './daemon.ts';

const unit = 'isolate-refresh@.path';
const daemon = 'isolated.socket';
const directories = ['/etc/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** Who refills pools: the daemon, or systemd units, installed and enabled for which templates. */
export function checkUnits(answer: DaemonAnswer, systemd: boolean = hasSystemd()): Check {
  const id = 'units';
  if (!systemd) {
    if (answer.kind === 'serves') return ok(id, 'pools are kept by the daemon; systemd does not run here');
    if (answer.kind === 'not-permitted')
      return { id, state: 'limited', fact: 'systemd does not run here; whether a daemon refills pools is not for you to see' };
    const fact = 'systemd does not run here, so nothing refills pools by itself';
    return { id, state: 'limited', fact, mend: 'isolate serve or isolate watch, as root' };
  }
  const instances = listEnabled();
  if (instances.includes(daemon)) return ok('units', `pools are kept by the daemon of ${daemon}`);
  const directory = directories.find((candidate) => existsSync(`${candidate}/${unit}`));
  if (directory === undefined)
    return {
      id: 'units',
      state: 'missing',
      fact: `${unit} is not installed, so nothing refills pools by itself`,
      mend: 'isolate watch, or copy units/* to /etc/systemd/system',
    };
  if (instances.length > 0) return ok('units', `pools are refilled by ${instances.join(', ')}`);
  return {
    id: 'units',
    state: 'limited',
    fact: `${directory}/${unit} is installed but enabled for no template`,
    mend: 'systemctl enable --now isolate-refresh@$(systemd-escape TEMPLATE).path',
  };
}

function listEnabled(): readonly string[] {
  const root = '/etc/systemd/system';
  const wants = readdirSync(root).filter((name) => name.endsWith('.wants'));
  return wants
    .flatMap((name) => readdirSync(`${root}/${name}`))
    .filter((name) => name === daemon || /^isolate-refresh@.+\.path$/.test(name));
}
