import { existsSync, readdirSync } from 'node:fs';

import { type Check, ok } from './check.ts';

const unit = 'isolate-refresh@.path';
const daemon = 'isolated.socket';
const directories = ['/etc/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** The systemd units that refill pools: installed, and enabled for which templates. */
export function checkUnits(): Check {
  if (!existsSync('/run/systemd/system')) {
    return { id: 'units', state: 'limited', fact: 'systemd does not run here, so nothing refills pools by itself', mend: 'isolate watch' };
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
