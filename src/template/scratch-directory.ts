import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Facts } from '../host/facts.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { formatHolder, isAlive, parseHolder, readOwnHolder } from '../pool/holder.ts';
import { readOwnPidNamespace } from '../pool/pid-namespace.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { makeIn } from './no-space.ts';

/** Where what is needed for a while may be large. Root puts nothing where a variable says. */
export function scratchDirectory({ user }: Pick<Facts, 'user'>): string {
  const chosen = user.rights === 'root' ? undefined : callerEnvironment()['TMPDIR'];
  return chosen?.startsWith('/') === true ? chosen : '/var/tmp';
}

/** A directory of this process alone, for as long as it needs it. */
export interface Scratch {
  readonly path: string;
  readonly remove: () => void;
}

/** Removes the scratch directories in `parent` that processes of the same user left when they were killed. */
export function sweepScratch(parent: string): void {
  const { bootId } = readOwnHolder();
  for (const name of readDirectory(parent)) {
    const dead = isLeft(name, bootId) && lstatSync(join(parent, name), { throwIfNoEntry: false })?.uid === process.getuid?.();
    if (dead) remove(join(parent, name));
  }
}

/** Makes a directory in `parent`, after a sweep. Throws `state-unreadable` and `pool-full` if it cannot be made. */
export function makeScratch(parent: string): Scratch {
  sweepScratch(parent);
  const holder = readOwnHolder();
  const path = makeIn(parent, 'directory', () => mkdtempSync(join(parent, `${prefix()}.${formatHolder(holder)}.`)));
  return { path, remove: () => remove(path) };
}

/** Pids mean other processes in another namespace, whose directories stay. */
function prefix(): string {
  return `isolate-image-${readOwnPidNamespace().replaceAll(/[^0-9]/g, '')}`;
}

function isLeft(name: string, bootId: string): boolean {
  const start = `${prefix()}.`;
  if (!name.startsWith(start)) return false;
  const holder = parseHolder(name.slice(start.length, -'.XXXXXX'.length));
  return holder !== null && !isAlive(holder, bootId);
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
