import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures of a benchmark depend on. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryMib: number;
  readonly kernel: string;
  readonly node: string;
  readonly bwrap: string;
  readonly storage: string;
  /** Mean of running processes over the last minute before the benchmark: above the number of processors it was not alone. */
  readonly load: number;
}

/** Reads the machine; `directory` is where the benchmark's pool has its file. */
export function readMachine(directory: string): Machine {
  const [load = 0] = loadavg();
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memoryMib: Math.round(totalmem() / 1024 / 1024),
    kernel: release(),
    node: process.version,
    bwrap: execFileSync('bwrap', ['--version'], { encoding: 'utf8', timeout: 10_000 }).trim(),
    storage: `zfs-fuse 0.7 on a file on ${filesystemOf(directory)}`,
    load: Math.round(load * 10) / 10,
  };
}

/** Type of the file system that is mounted above a path: the longest mount point that leads to it. */
function filesystemOf(path: string): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at = '']) => path === at || path.startsWith(at.endsWith('/') ? at : `${at}/`))
    .sort(([, left = ''], [, right = '']) => right.length - left.length);
  return mounts[0]?.[2] ?? `type ${statfsSync(path).type.toString(16)}`;
}
