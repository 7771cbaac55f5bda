import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { socketFile } from './daemon.ts';
import { copyRootfs, debianRootfs } from './rootfs.ts';

/** Makes DIRECTORY/debian, which serve-members.ts serves as the template tank/debian. */
export async function makeMemberTemplate(directory: string): Promise<void> {
  const template = join(directory, 'debian');
  for (const name of ['clones', 'snapshots/1']) mkdirSync(join(template, name), { recursive: true });
  await copyRootfs(await debianRootfs(), join(template, 'root'));
}

export interface ServeOptions {
  /** A program and its arguments that start the daemon. */
  readonly by?: readonly string[];
  /** Serve runs, too. */
  readonly runs?: boolean;
}

/** Starts serve-members.ts on idmapped clones, and waits until it serves. */
export async function serveMembers(directory: string, { by = [], runs = false }: ServeOptions = {}): Promise<ChildProcess> {
  const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
  const serve = [join(import.meta.dirname, 'serve-members.ts'), directory, 'idmapped', ...(runs ? ['runs'] : [])];
  const [file = process.execPath, ...args] = [...by, process.execPath, ...serve];
  const daemon = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    daemon.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('"ready"')) resolve();
    });
    daemon.once('exit', () => reject(new Error(`The daemon ended:\n${log}`)));
  });
  return daemon;
}

/** Ends it with this signal, if it still runs. */
export async function endDaemon(daemon: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (daemon.exitCode === null && daemon.signalCode === null) {
    daemon.kill(signal);
    await once(daemon, 'exit');
  }
  rmSync(socketFile, { force: true });
}
