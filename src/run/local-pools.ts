import { templateCount } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { probeHost } from '../host/probe.ts';
import { toFailure } from '../pool/failure.ts';
import { poolPaths, type RuntimePaths, runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import { findPoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { unescapeUnitName } from '../pool/unit-escape.ts';
import { findOwnFiles } from './own-files.ts';
import { openRootPool } from './root.ts';
import type { StatusPool } from './status.ts';

/** Finds the pools that root's state directories and the settings name, without a daemon; sorted by template. */
export interface LocalPools {
  readonly runtime: RuntimePaths;
  readonly find: () => Promise<readonly StatusPool[]>;
}

/** To be asked again and again: each pool's storage is opened once. Root only. Throws `bad-config`. */
export async function openLocalPools(): Promise<LocalPools> {
  const runtime = runtimePaths(systemRuntimeDirectory);
  const config = await loadConfig();
  const known = new Map<string, StatusPool>();
  const facts = await probeHost({ environment: process.env, uid: 0, gid: process.getgid?.() ?? 0, files: findOwnFiles() });

  async function open(template: string): Promise<StatusPool> {
    // A directory's clones are made by the runs themselves, so its storage has nothing to tell.
    if (template.startsWith('/')) return { pool: findPoolFiles({ template, runtime }), driver: null };
    const count = templateCount(config, template);
    try {
      const pool = await openRootPool({ kind: 'zfs', dataset: template }, facts, { warn: () => {} });
      return { pool, driver: pool.driver, count };
    } catch (error) {
      return { pool: findPoolFiles({ template, runtime }), driver: toFailure(error), count };
    }
  }

  return {
    runtime,
    find: async () => {
      const templates = new Set([...config.templates.keys(), ...namedByState(runtime, [...config.templates.keys()])]);
      const pools: StatusPool[] = [];
      for (const template of [...templates].toSorted()) {
        const pool = known.get(template) ?? (await open(template));
        known.set(template, pool);
        pools.push(pool);
      }
      return pools;
    },
  };
}

/** The templates that have state. A name so long that only its hash is known is told of where it is configured. */
function namedByState(runtime: RuntimePaths, configured: readonly string[]): readonly string[] {
  return readDirectory(runtime.pools).flatMap((key) => {
    const template = key.startsWith('+') ? configured.find((name) => poolPaths(runtime, name).key === key) : unescapeUnitName(key);
    return template === undefined ? [] : [template];
  });
}
