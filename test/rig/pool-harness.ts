import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { runtimePaths } from '../../src/pool/paths.ts';
import { openPool } from '../../src/pool/pool.ts';
import type { Pool, PoolOptions } from '../../src/pool/pool.ts';
import { refresh as refreshPool } from '../../src/upkeep/refresh.ts';
import type { RefreshOptions } from '../../src/upkeep/refresh-options.ts';
import type { RefreshReport } from '../../src/upkeep/report.ts';
import { directoryDriver, makeDirectoryTemplate } from './directory-driver.ts';
import type { DirectoryDriverOptions } from './directory-driver.ts';

/** Directory of the current test; `template/` and `run/` lie in it. */
export let directory: string;
/** Ids as made, in order: tests call the first one 1. */
export let made: string[] = [];

/** Gives each test of the calling file a template of its own. */
export function useTemplate(): void {
  beforeEach(() => {
    made = [];
    directory = mkdtempSync(join(tmpdir(), 'isolate-pool-'));
    makeDirectoryTemplate(join(directory, 'template'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
}

export function open(options: Partial<PoolOptions> = {}, driver: DirectoryDriverOptions = {}): Pool {
  return openPool({
    driver: directoryDriver(join(directory, 'template'), driver),
    runtime: runtimePaths(join(directory, 'run')),
    ...options,
  });
}

export function number(id: string): number {
  if (!made.includes(id)) made.push(id);
  return made.indexOf(id) + 1;
}

export function path(pool: Pool, state: 'fresh' | 'leased' | 'retired', clone: number): string {
  return join(pool.paths[state], made[clone - 1] ?? '');
}

export function clonePath(clone: number): string {
  return join(directory, 'template/clones', made[clone - 1] ?? '');
}

export function clones(): number[] {
  return readdirSync(join(directory, 'template', 'clones'))
    .sort()
    .map(number);
}

export function states(pool: Pool): Record<string, number[]> {
  const { fresh, leased, retired } = pool.paths;
  const ids = (directoryPath: string): number[] =>
    readdirSync(directoryPath)
      .sort()
      .map((name) => number(name.split('.')[0] ?? ''));
  return { fresh: ids(fresh), leased: ids(leased), retired: ids(retired) };
}

export async function refresh(pool: Pool, options?: RefreshOptions): Promise<RefreshReport> {
  const report = await refreshPool(pool, options);
  clones();
  return report;
}
