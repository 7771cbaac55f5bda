import { existsSync } from 'node:fs';

export const daemonUnit = 'isolated.socket';

const unitDirectories = ['/etc/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** Whether systemd runs this host. */
export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

/** What ends a daemon that hangs, and starts another, as root. */
export function daemonRestart(): string {
  return hasSystemd() ? 'systemctl restart isolated-pools.service, as root' : 'end isolate serve and start it again, as root';
}

/** The directory that a unit file is installed in; null: none. */
export function findUnit(name: string): string | null {
  return unitDirectories.find((directory) => existsSync(`${directory}/${name}`)) ?? null;
}

/** What starts the daemon, as root, on a host with systemd, where its units are installed or not, or on one without. */
export function daemonStart(systemd: boolean = hasSystemd(), isInstalled: boolean = findUnit(daemonUnit) !== null): string {
  if (!systemd) return 'isolate serve, as root';
  return `${isInstalled ? '' : 'scripts/install in the checkout, then '}systemctl enable --now ${daemonUnit}, as root`;
}
