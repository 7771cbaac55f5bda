import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { formatHolder, isAlive, parseHolder } from './holder.ts';
import type { PoolFiles } from './pool.ts';
import { readDirectory } from './read-directory.ts';

const claimName = /^waiting\.[0-9]+\.(.+)$/;
/** One process may wait for several clones. */
let claims = 0;

/** Says that a run waits for a clone, so that a refresh makes one for it before it does anything else; returns what takes it back. */
export function claimWaiting({ paths, holder }: PoolFiles): () => void {
  claims += 1;
  const path = join(paths.directory, `waiting.${claims}.${formatHolder(holder)}`);
  writeFileSync(path, '', { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/** How many living runs wait for a clone. */
export function countWaiting(pool: Pick<PoolFiles, 'paths' | 'holder'>): number {
  return readWaiting(pool).filter(({ alive }) => alive).length;
}

/** Removes what runs that died while they waited left. */
export function sweepWaiting(pool: Pick<PoolFiles, 'paths' | 'holder'>): void {
  for (const { path, alive } of readWaiting(pool)) if (!alive) rmSync(path, { force: true });
}

function readWaiting({ paths, holder: { bootId } }: Pick<PoolFiles, 'paths' | 'holder'>): { path: string; alive: boolean }[] {
  return readDirectory(paths.directory).flatMap((name) => {
    const holder = parseHolder(claimName.exec(name)?.[1] ?? '');
    return holder === null ? [] : [{ path: join(paths.directory, name), alive: isAlive(holder, bootId) }];
  });
}
