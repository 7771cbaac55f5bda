import { spawn } from 'node:child_process';

import { logCommand } from '../log.ts';

/** Starts a program that outlives this process and has none of its streams; null: it could not be started. */
export function startDetached(file: string, args: readonly string[]): number | null {
  logCommand({ file, args });
  const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  const child = spawn(file, [...args], { detached: true, stdio: 'ignore', cwd: '/', env: environment });
  // It has a process id only if it could be started.
  child.on('error', () => {});
  child.unref();
  return child.pid ?? null;
}
