import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type RuntimePaths, runtimePaths } from '../../src/pool/paths.ts';
import { openPool, type Pool } from '../../src/pool/pool.ts';
import { connectDaemon, type DaemonConnection } from '../../src/client/daemon-connection.ts';
import { type Message, values } from '../../src/wire/frame.ts';
import { directoryDriver, makeDirectoryTemplate } from './directory-driver.ts';
import { readSubject } from './pool-subject.ts';

/** The real daemon with its broker and front, on templates that are directories (serve-directory.ts). */
export interface DirectoryDaemon {
  readonly socket: string;
  readonly runtime: RuntimePaths;
  /** Writes the settings: how many fresh clones of which template. */
  readonly configure: (counts: Readonly<Record<string, number>>, more?: string) => void;
  /** Starts the daemon, once more where it has ended, and waits until it serves. */
  readonly start: () => Promise<ChildProcess>;
  /** What it wrote to its log, all of its lives together. */
  readonly log: () => readonly Readonly<Record<string, unknown>>[];
  /** This process's own view of a pool. */
  readonly pool: (name: string) => Pool;
  /** From here on no clone can be made. */
  readonly removeSource: (name: string) => void;
  readonly states: (name: string) => ReturnType<typeof readSubject>;
  readonly end: () => Promise<void>;
}

/** A connection and what it was answered; `clone` is the id in the launch. */
export interface Asked {
  readonly connection: DaemonConnection;
  readonly message: Message | null;
  readonly clone: string | null;
}

export function makeDirectoryDaemon(...names: string[]): DirectoryDaemon {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-daemon-'));
  const runtime = runtimePaths(join(directory, 'run'));
  const socket = join(runtime.root, 'isolated.sock');
  for (const name of names) {
    makeDirectoryTemplate(join(directory, name));
    for (const mountpoint of ['bin', 'dev', 'proc', 'sys', 'tmp']) mkdirSync(join(directory, name, 'snapshots/1', mountpoint));
  }
  let daemon: ChildProcess | null = null;
  let text = '';
  const pool = (name: string): Pool => {
    const template = `tank/${name}`;
    return openPool({ driver: { ...directoryDriver(join(directory, name)), template }, runtime });
  };
  return {
    socket,
    runtime,
    configure: (counts, more = '') => {
      const tables = Object.entries(counts).map(([name, count]) => `[templates."tank/${name}"]\ncount = ${count}\n`);
      // Whole at once: a file that is cut off names fewer templates, and is valid.
      const file = join(directory, 'config.toml');
      writeFileSync(`${file}.new`, tables.join('') + more);
      renameSync(`${file}.new`, file);
    },
    start: async () => {
      const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
      const child = spawn(process.execPath, [join(import.meta.dirname, 'serve-directory.ts'), directory], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env,
      });
      daemon = child;
      const served = text.split('"ready"').length;
      await new Promise<void>((resolve, reject) => {
        child.stderr.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.split('"ready"').length > served) resolve();
        });
        child.once('exit', () => reject(new Error(`The daemon ended:\n${text}`)));
      });
      return child;
    },
    log: () =>
      text.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as Record<string, unknown>] : [])),
    pool,
    removeSource: (name) => rmSync(join(directory, name, 'snapshots/1'), { recursive: true }),
    states: (name) => readSubject(pool(name)),
    end: async () => {
      if (daemon !== null && daemon.exitCode === null && daemon.signalCode === null) {
        daemon.kill('SIGTERM');
        await once(daemon, 'exit');
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Asks for a run on a clone of tank/NAME and waits for the answer. */
export async function askRun(socket: string, name: string, waitSeconds = 30): Promise<Asked> {
  const connection = await connectDaemon(socket);
  if (connection === null) throw new Error('There is no daemon.');
  const argv = ['-z', `tank/${name}`, '--wait', String(waitSeconds), '--', 'true'];
  connection.send('run', [
    ...argv.map((value) => ({ name: 'argument' as const, value })),
    { name: 'directory', value: '/' },
    { name: 'terminal', value: 0 },
  ]);
  let message = await connection.receive(60_000);
  while (message?.name === 'message' || message?.name === 'ask') {
    // It has nothing that it is asked about.
    if (message.name === 'ask')
      connection.send(
        'answer',
        message.items.map(() => ({ name: 'missing' as const, value: 0 })),
      );
    message = await connection.receive(60_000);
  }
  const [record] = message?.name === 'launch' ? values(message, 'record') : [];
  const clone = record === undefined ? null : (/clones\/([0-9]+)\/rootfs/.exec(Buffer.from(record).toString('latin1'))?.[1] ?? null);
  return { connection, message, clone };
}

/** What the daemon answers to a query. */
export async function askStatus(socket: string, question: 'status' | 'ps'): Promise<unknown> {
  const connection = await connectDaemon(socket);
  if (connection === null) throw new Error('There is no daemon.');
  connection.send('query', [{ name: 'query', value: question }]);
  const message = await connection.receive(60_000);
  connection.close();
  const [json = ''] = message === null ? [] : values(message, 'json');
  return JSON.parse(json);
}

/** A client in a process of its own, which lives on when its connection ends, as one does that was given a launch. */
export async function startClient(socket: string, name: string): Promise<{ readonly clone: string; readonly process: ChildProcess }> {
  const child = spawn(process.execPath, [import.meta.filename, socket, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { clone: line.toString().trim(), process: child };
}

if (import.meta.main) {
  const [socket = '', name = ''] = process.argv.slice(2);
  const { clone } = await askRun(socket, name);
  console.log(clone);
  setInterval(() => {}, 60_000);
}
