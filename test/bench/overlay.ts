import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Ground } from './ground.ts';

/** Mounts an overlay of the directory, which changes stay in. */
export function mountOverlay({ directory, scratch }: Ground): { readonly path: string; readonly end: () => void } {
  const [upper, work, path] = ['upper', 'work', 'merged'].map((name) => join(scratch, 'overlay', name)) as [string, string, string];
  for (const place of [upper, work, path]) mkdirSync(place, { recursive: true });
  const options = `lowerdir=${directory},upperdir=${upper},workdir=${work}`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, path], { timeout: 10_000 });
  return { path, end: () => void execFileSync('umount', [path], { timeout: 10_000 }) };
}
