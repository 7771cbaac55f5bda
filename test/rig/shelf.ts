import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

import { isMountRoot } from '../../src/pool/mount-root.ts';
import { gatePath } from './gate.ts';

/** isolate-gate as the keeper of a shelf. */
export interface ShelfKeeper {
  readonly child: ChildProcess;
  /** Sends one command; its answer. */
  readonly ask: (command: string) => Promise<number>;
}

/** Ends with the test. `wrap` stands before the command line. */
export async function startShelf(directory: string, wrap: readonly string[] = []): Promise<ShelfKeeper> {
  const [file, ...args] = [...wrap, await gatePath(), 'shelf', directory];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const answers: ((answer: number) => void)[] = [];
  createInterface(child.stdout).on('line', (line) => answers.shift()?.(Number(line)));
  return {
    child,
    ask: (command) =>
      new Promise((resolve) => {
        answers.push(resolve);
        child.stdin.write(`${command}\n`);
      }),
  };
}

/** A directory for a shelf, and in it one for clones; all mounts go with the test. */
export function makePlace(): { readonly shelf: string; readonly clones: string } {
  const place = mkdtempSync(join(tmpdir(), 'shelf-'));
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', place]);
  onTestFinished(() => void execFileSync('umount', ['--lazy', '--recursive', place]));
  return { shelf: join(place, 'shelf'), clones: join(place, 'mnt') };
}

/** A clone on a file system of its own, with one file. */
export function makeClone(clones: string, name: string): string {
  const path = join(clones, name);
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', path]);
  writeFileSync(join(path, 'file'), name);
  return path;
}

/** The directory of the shelf that root's programs use. */
export const systemShelf = '/run/isolate/shelf';

/** The clones of a pool that are on the shelf: what is mounted there below its directory of mounts. */
export async function listShelf(mounts: string): Promise<readonly string[]> {
  const { child, ask } = await startShelf(systemShelf);
  const root = `/proc/${child.pid}/fd/${await ask('look')}${mounts}`;
  const names = existsSync(root) ? readdirSync(root).filter((name) => isMountRoot(join(root, name))) : [];
  child.kill();
  return names.toSorted();
}

/** Unmounts the clones of a pool, as an administrator may who wants to rename or destroy them. */
export async function clearShelf(mounts: string): Promise<void> {
  const { child, ask } = await startShelf(systemShelf);
  for (const name of await listShelf(mounts)) await ask(`drop ${join(mounts, name)}`);
  child.kill();
}

/** Whether this process's mount namespace has something mounted there. */
export function isMounted(path: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);
}
