import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand, type CommandResult } from '../../src/process/command.ts';
import { compileLibrary } from './compile.ts';

const zfsFile = '/sbin/zfs';
const zpoolFile = '/sbin/zpool';
const socket = '/var/run/zfs/zfs_socket';
const turn = '/var/run/zfs/rig-turn';
/** The pools that a new daemon imports. */
const poolCache = '/var/lib/zfs/zpool.cache';

/** A pool of one sparse file, on a zfs-fuse daemon of its own. */
export interface TestPool {
  readonly name: string;
  /** Scratch directory outside the pool, removed with it; datasets are mounted at `<directory>/pool/...`. */
  readonly directory: string;
  readonly tools: { readonly zfs: string; readonly zpool: string };
  /** Runs zfs and returns its standard output; throws with its standard error. */
  readonly zfs: (...args: string[]) => Promise<string>;
  readonly zpool: (...args: string[]) => Promise<string>;
  /** Ends the daemon as a crash would: its mounts stay and answer nothing. */
  readonly stop: () => Promise<void>;
  /** Starts the daemon anew; it imports the pool and mounts what is to be mounted. */
  readonly start: () => Promise<void>;
  /** Destroys the pool, ends the daemon and removes everything. */
  readonly end: () => Promise<void>;
}

let daemon: ChildProcess | null = null;

/**
 * Makes a throw-away pool with zfs-fuse. Only inside `test/rig/enter`: the daemon has one socket and one lock a mount
 * namespace, so test files that run at the same time in one take turns. `sizeBytes` is at least 64 MiB, the least a
 * pool takes.
 */
export async function makePool(sizeBytes = 512 * 1024 * 1024): Promise<TestPool> {
  if (daemon !== null) throw new Error('One pool at a time: zfs-fuse has one socket.');
  await takeTurn();
  // Of a test file that did not come to its end.
  await rm(poolCache, { force: true });
  const directory = await mkdtemp(join(tmpdir(), 'isolate-pool-'));
  const file = join(directory, 'vdev');
  const handle = await open(file, 'w');
  await handle.truncate(sizeBytes);
  await handle.close();
  const name = `rig${process.pid}`;
  const zfs = (...args: string[]): Promise<string> => check(zfsFile, args);
  const zpool = (...args: string[]): Promise<string> => check(zpoolFile, args);
  await startDaemon();
  try {
    await zpool('create', '-m', join(directory, 'pool'), name, file);
  } catch (error) {
    // Or the daemon would be in the way of all later tests.
    await stopDaemon('SIGTERM');
    throw error;
  }
  return {
    name,
    directory,
    tools: { zfs: zfsFile, zpool: zpoolFile },
    zfs,
    zpool,
    stop: () => stopDaemon('SIGKILL'),
    start: async () => {
      // The dead daemon's mounts of the pool itself would be in the way; lazily, because those below cannot be reached.
      // Those of clones are a test's business.
      await runCommand({ file: '/bin/umount', args: ['--lazy', join(directory, 'pool')], timeoutMs: 10_000 });
      await startDaemon();
    },
    end: async () => {
      // Also when a test left mounts behind; the daemon's end takes them away.
      await destroyPool(name);
      await stopDaemon('SIGTERM');
      // The next daemon would import from it what could not be destroyed.
      await rm(poolCache, { force: true });
      await rm(directory, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
      await rm(turn, { force: true });
    },
  };
}

/** zfs-fuse ends an unmount some time after it answered, and the pool is busy until then. */
async function destroyPool(name: string): Promise<void> {
  for (const pauseMs of [50, 100, 200, 400, 800, 1600, 0]) {
    const result = await runCommand({ file: zpoolFile, args: ['destroy', '-f', name], timeoutMs: 20_000 }).catch(() => null);
    if (result === null || !result.stderr.includes('busy')) return;
    await sleep(pauseMs);
  }
}

async function takeTurn(): Promise<void> {
  const deadline = Date.now() + 110_000;
  for (;;) {
    try {
      await writeFile(turn, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readFile(turn, 'utf8').catch(() => '');
    if (holder !== '' && !existsSync(`/proc/${holder}`)) await rm(turn, { force: true });
    if (Date.now() > deadline) throw new Error(`Process ${holder} keeps zfs-fuse for longer than 110 s.`);
    await sleep(50);
  }
}

/** The library that zfs-fuse is started with, or it falls silent now and then (zfs-fuse-requests.c). */
export async function zfsFuseLibrary(): Promise<string> {
  return await compileLibrary(join(import.meta.dirname, 'zfs-fuse-requests.c'));
}

async function startDaemon(): Promise<void> {
  await rm(socket, { force: true });
  // It ends with this process, however that ends, or it would be in the way of all later test files. -n: its pid is the child's.
  // Whoever removes /zfs-kstat in another mount namespace takes away the mount on it in this one.
  const command = ['--pdeathsig', 'KILL', '--', '/sbin/zfs-fuse', '--no-kstat-mount', '-n', '-p', '/var/run/zfs/pid'];
  const env = { ...process.env, LD_PRELOAD: await zfsFuseLibrary() };
  const said = join(tmpdir(), `zfs-fuse-${process.pid}`);
  const output = await open(said, 'w');
  const child = spawn('setpriv', command, { stdio: ['ignore', output.fd, output.fd], env });
  await output.close();
  daemon = child;
  let ended = false;
  child.once('exit', (status, signal) => {
    ended = true;
    // Every later test in the file fails without saying so.
    if (daemon === child)
      console.error(`zfs-fuse ended by itself: ${String(signal ?? status)}\n${readFileSync(said, 'utf8').slice(-4000)}`);
  });
  const deadline = Date.now() + 60_000;
  while (!existsSync(socket)) {
    if (ended) throw new Error('zfs-fuse ended at once: is another one running in this mount namespace?');
    if (Date.now() > deadline) throw new Error('zfs-fuse made no socket within a minute.');
    await sleep(20);
  }
}

async function stopDaemon(signal: NodeJS.Signals): Promise<void> {
  const child = daemon;
  daemon = null;
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

async function check(file: string, args: readonly string[]): Promise<string> {
  const result: CommandResult = await runCommand({ file, args, timeoutMs: 60_000 });
  if (result.exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}
