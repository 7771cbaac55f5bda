import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { formatHolder, type HolderId, isAlive, parseHolder } from '../holder.ts';
import type { PoolFiles } from '../pool.ts';
import { readDirectory } from '../read-directory.ts';

/**
 * What a process announces in a pool's directory: that it waits for a clone, that it refreshes the pool whenever a run ends, or that it
 * was started to destroy used clones and has not begun.
 */
export type ClaimKind = 'waiting' | 'watching' | 'tidying';

const claimName = /^(waiting|watching|tidying)\.[0-9]+\.(.+)$/;
/** One process may wait for several clones. */
let claims = 0;

/** Makes a claim, for this pool's holder unless another is given; returns a function that removes it. */
export function makeClaim({ paths, holder }: PoolFiles, kind: ClaimKind, owner: HolderId = holder): () => void {
  claims += 1;
  const path = `${claimPath({ paths }, kind)}${claims}.${formatHolder(owner)}`;
  writeFileSync(path, '', { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/** The path of a claim up to its number and its owner. */
export function claimPath({ paths }: Pick<PoolFiles, 'paths'>, kind: ClaimKind): string {
  return join(paths.directory, `${kind}.`);
}

/** The number of claims of living processes. */
export function countClaims(pool: Pick<PoolFiles, 'paths' | 'holder'>, kind: ClaimKind): number {
  return readClaims(pool).filter((claim) => claim.kind === kind && claim.alive).length;
}

/** Removes the claims of dead processes, and with `kind` those of this process too. */
export function sweepClaims(pool: Pick<PoolFiles, 'paths' | 'holder'>, kind?: ClaimKind): void {
  const own = formatHolder(pool.holder);
  for (const claim of readClaims(pool)) {
    if (!claim.alive || (claim.kind === kind && claim.path.endsWith(`.${own}`))) rmSync(claim.path, { force: true });
  }
}

function readClaims({ paths, holder: { bootId } }: Pick<PoolFiles, 'paths' | 'holder'>): { kind: string; path: string; alive: boolean }[] {
  return readDirectory(paths.directory).flatMap((name) => {
    const [, kind = '', text = ''] = claimName.exec(name) ?? [];
    const holder = parseHolder(text);
    return holder === null ? [] : [{ kind, path: join(paths.directory, name), alive: isAlive(holder, bootId) }];
  });
}
