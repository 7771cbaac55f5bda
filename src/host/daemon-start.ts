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

/** The directory in which a unit file is installed; null: none. */
export function findUnit(name: string): string | null {
  return unitDirectories.find((directory) => existsSync(`${directory}/${name}`)) ?? null;
}

/**
 * The command that root starts the daemon with: on a host with systemd, where the units may have to be installed first, or on one
 * without.
 */
export function daemonStart(systemd: boolean = hasSystemd(), isInstalled: boolean = findUnit(daemonUnit) !== null): string {
  if (!systemd) return 'isolate serve, as root';
  return `${isInstalled ? '' : 'scripts/install in the checkout, then '}systemctl enable --now ${daemonUnit}, as root`;
}
