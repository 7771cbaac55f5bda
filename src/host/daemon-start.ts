import { existsSync } from 'node:fs';

/** Whether systemd runs this host. */
export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

/** The one step that starts the daemon on a host with systemd, or on one without. */
export function daemonStart(systemd: boolean = hasSystemd()): string {
  return systemd ? 'systemctl enable --now isolated.socket, as root' : 'isolate serve, as root';
}
