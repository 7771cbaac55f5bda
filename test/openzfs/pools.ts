import { execFile } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { canIdmap } from '../../src/host/path-facts.ts';
import { runCommand, type Command, type CommandResult } from '../../src/process/command.ts';
import type { CreateResult, StorageDriver } from '../../src/storage/driver.ts';
import { openZfs } from '../../src/storage/zfs/driver.ts';

const execFileAsync = promisify(execFile);
const tools = { zfs: '/usr/sbin/zfs', zpool: '/usr/sbin/zpool' };

export type Made = CreateResult & { ok: true };

/** Where clones are mounted, root's alone. */
export const mounts = '/run/clones';

/** Runs a tool and returns its standard output; throws with its standard error. */
export async function tool(file: string, ...args: readonly string[]): Promise<string> {
  return (await execFileAsync(file, args, { timeout: 120_000 })).stdout;
}

export const zfs = (...args: readonly string[]): Promise<string> => tool(tools.zfs, ...args);

/** Makes a pool in a sparse file; its datasets are mounted below `/NAME`. */
export async function makePool(name: string, size: string, directory = '/tmp'): Promise<void> {
  const file = `${directory}/${name}.vdev`;
  mkdirSync(mounts, { recursive: true, mode: 0o700 });
  await tool('/usr/bin/truncate', '-s', size, file);
  await tool(tools.zpool, 'create', '-O', 'compression=off', name, file);
}

/** A template with a file `hello` and a snapshot `1`, and the driver on it. */
export async function makeTemplate(dataset: string, ...options: readonly string[]): Promise<StorageDriver> {
  await zfs('create', '-p', ...options.flatMap((option) => ['-o', option]), dataset);
  await tool('/bin/sh', '-c', `echo hello > '/${dataset}/hello'`);
  await zfs('snapshot', `${dataset}@1`);
  return open(dataset);
}

export function open(dataset: string): Promise<StorageDriver> {
  return openZfs(dataset, { tools, run: record, canIdmap: (path) => canIdmap(path, statSync(path)) });
}

/** With as many digits as isolate's own. */
let lastId = 17_953_122_440_000_000_000n;

export function takeId(): string {
  lastId += 1n;
  return String(lastId);
}

/** Makes clones of the newest snapshot; throws the first failure. */
export async function make(driver: StorageDriver, ...ids: readonly string[]): Promise<readonly [Made, ...Made[]]> {
  const results = await driver.create(await driver.newestSource(), ids, { owners: null, mountDirectory: mounts });
  const made = results.map((result) => {
    if (!result.ok) throw result.error;
    return result;
  });
  return made as unknown as [Made, ...Made[]];
}

/** Commands are printed with what they answered: recorded texts for the unit tests. */
export async function record(command: Command): Promise<CommandResult> {
  const started = performance.now();
  const result = await runCommand(command);
  const { exitCode, stdout, stderr } = result;
  const ms = Math.round(performance.now() - started);
  console.log(`RECORD ${JSON.stringify({ args: command.args, exitCode, stdout, stderr, ms })}`);
  return result;
}

/** Runs a command that is to fail and records what it printed. */
export async function recordFailure(...args: readonly string[]): Promise<string> {
  return (await record({ file: tools.zfs, args, timeoutMs: 60_000 })).stderr;
}
