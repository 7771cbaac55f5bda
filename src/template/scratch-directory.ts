import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { Facts } from '../host/facts.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { isLeft, passingName } from '../pool/passing-name.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { makeIn } from './no-space.ts';

const prefix = 'isolate-image';

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
  for (const name of readDirectory(parent)) {
    const dead = isLeft(name, prefix) && lstatSync(join(parent, name), { throwIfNoEntry: false })?.uid === process.getuid?.();
    if (dead) remove(join(parent, name));
  }
}

/** Makes a directory in `parent`, after a sweep. Throws `state-unreadable` and `pool-full` if it cannot be made. */
export function makeScratch(parent: string): Scratch {
  sweepScratch(parent);
  const path = join(parent, passingName(prefix));
  makeIn(parent, 'directory', () => mkdirSync(path, { mode: 0o700 }));
  return { path, remove: () => remove(path) };
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
