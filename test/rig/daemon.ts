import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll } from 'vitest';

import { isolatePath } from './isolate.ts';

export const configFile = '/etc/isolate/config.toml';
export const socketFile = '/run/isolate/isolated.sock';

export interface Daemon {
  readonly process: ChildProcess;
  /** What it wrote to standard error so far. */
  readonly log: () => string;
  /** SIGTERM, waits for its end, and removes the configuration it was started with. */
  readonly end: () => Promise<void>;
}

/** What a test file configures in these namespaces is its own, and the next file's daemon is to know nothing of it. */
const written = new Set<string>();
// The benchmark is no test file.
if (process.env['VITEST'] !== undefined) afterAll(() => Promise.all([...written].map((file) => rm(file, { force: true }))));

/** Writes the daemon's configuration as an administrator does: root's, for others to read at most. */
export async function writeConfig(text: string, file: string = configFile): Promise<void> {
  await mkdir('/etc/isolate/config.d', { recursive: true });
  written.add(file);
  await writeFile(file, text);
  await chmod(file, 0o644);
}

/** Starts `isolate serve` and waits until it answers; the namespace of the tests has its own /run/isolate and /etc/isolate. */
export async function startDaemon(config?: string): Promise<Daemon> {
  if (config !== undefined) await writeConfig(config);
  // It ends with this process, however that ends, or it would answer the next test file.
  // It writes to a file: a test that waits for programs without letting others run would read no pipe, and the daemon wait for it.
  const file = join(mkdtempSync(join(tmpdir(), 'isolate-daemon-')), 'log');
  const output = openSync(file, 'w');
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', '--', isolatePath, 'serve'], { stdio: ['ignore', 'ignore', output] });
  closeSync(output);
  const log = (): string => readFileSync(file, 'utf8');
  const daemon = {
    process: child,
    log,
    end: async () => {
      if (config !== undefined) await rm(configFile, { force: true });
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
  while (!(await answers())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`The daemon did not start:\n${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return daemon;
}

async function answers(): Promise<boolean> {
  const socket = connect(socketFile);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
