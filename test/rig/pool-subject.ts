import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../src/process/command.ts';
import { runtimePaths } from '../../src/pool/paths.ts';
import { openPool } from '../../src/pool/pool.ts';
import type { Pool, PoolOptions } from '../../src/pool/pool.ts';
import { openZfs } from '../../src/storage/zfs/driver.ts';
import { directoryDriver, makeDirectoryTemplate } from './directory-driver.ts';
import { makePool } from './zpool.ts';

/** Storage with a template, and a state directory: what several processes need to know to work on one pool. Plain data. */
export type PoolSubject =
  | { readonly kind: 'directory'; readonly template: string; readonly runtime: string; readonly pooled: boolean }
  | { readonly kind: 'zfs'; readonly template: string; readonly runtime: string };

/** A subject that a test made, and removes. */
export interface OwnedSubject {
  readonly subject: PoolSubject;
  readonly end: () => Promise<void>;
}

/** How a process that worked on a pool ended. */
export interface WorkerResult {
  readonly signal: NodeJS.Signals | null;
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

const workerFile = join(import.meta.dirname, 'pool-worker.ts');

/** Opens the subject's pool in this process. */
export async function openSubject(subject: PoolSubject, options: Partial<PoolOptions> = {}): Promise<Pool> {
  const driver =
    subject.kind === 'directory'
      ? directoryDriver(subject.template, {
          capabilities: { pooled: subject.pooled },
          ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
        })
      : await openZfs(subject.template, { tools: { zfs: '/sbin/zfs', zpool: '/sbin/zpool' }, run: runCommand, canIdmap: () => false });
  return openPool({ driver, runtime: runtimePaths(subject.runtime), ...options });
}

/** Copied directories: quick, and needs nothing. */
export async function makeDirectorySubject(pooled = true): Promise<OwnedSubject> {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-pool-'));
  const template = join(directory, 'template');
  makeDirectoryTemplate(template);
  return {
    subject: { kind: 'directory', template, runtime: join(directory, 'run'), pooled },
    end: async () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Datasets on one pool of zfs-fuse, a new one for each subject; only inside `test/rig/enter`. */
export async function makeZfsSubjects(): Promise<{
  makeSubject: () => Promise<OwnedSubject>;
  restart: () => Promise<void>;
  end: () => Promise<void>;
}> {
  const pool = await makePool();
  let count = 0;
  return {
    makeSubject: async () => {
      count += 1;
      const template = `${pool.name}/template${count}`;
      await pool.zfs('create', template);
      await pool.zfs('snapshot', `${template}@1`);
      return { subject: { kind: 'zfs', template, runtime: '/run/isolate' }, end: async () => {} };
    },
    restart: async () => {
      await pool.stop();
      await pool.start();
    },
    end: pool.end,
  };
}

export const canRunZfs = existsSync('/sbin/zfs-fuse') && process.getuid?.() === 0;

/** Starts a process on the pool; see pool-worker.ts. */
export function startWorker(
  subject: PoolSubject,
  action: 'run' | 'hold' | 'refresh',
  crash = '',
): { pid: number; ended: Promise<WorkerResult>; line: Promise<string> } {
  const child = spawn(process.execPath, [workerFile, JSON.stringify(subject), action, crash], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  const line = new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('\n')) resolve(output);
    });
  });
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<WorkerResult>((resolve) => {
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, output, errors }));
  });
  return { pid: child.pid ?? 0, ended, line };
}

/** Ids in each state directory, and of the clones that exist. */
export async function readSubject(pool: Pool): Promise<{ clones: string[]; fresh: string[]; leased: string[]; retired: string[] }> {
  const ids = (path: string): string[] =>
    readdirSync(path)
      .map((name) => name.split('.')[0] ?? '')
      .sort();
  const clones = (await pool.driver.list()).map(({ id }) => id).sort();
  return { clones, fresh: ids(pool.paths.fresh), leased: ids(pool.paths.leased), retired: ids(pool.paths.retired) };
}
