import { templateCount } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Facts } from '../host/facts.ts';
import { probeFacts } from '../host/probe.ts';
import { toFailure } from '../pool/failure.ts';
import { keyTemplate, poolPaths, type RuntimePaths } from '../pool/paths.ts';
import { findPoolFiles } from '../pool/pool.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { findOwnFiles } from '../host/own-files.ts';
import { openRootPool } from '../run/root.ts';
import type { StatusPool } from './status.ts';

/** The pools as root sees them without a daemon. */
export interface LocalPools {
  /** The pools that the settings or root's state directories name, sorted. Throws `bad-config`. */
  readonly all: () => Promise<readonly StatusPool[]>;
  /** Those that have state, but for `shown`. */
  readonly besides: (shown: ReadonlySet<string>) => Promise<readonly StatusPool[]>;
}

/** A storage that could not be opened is tried again after this time. */
const retryMs = 5000;

/** A reader for repeated use, which opens each pool's storage once. Root only. */
export function openLocalPools(runtime: RuntimePaths): LocalPools {
  const known = new Map<string, { readonly pool: StatusPool; readonly retryAtMs: number }>();
  let facts: Facts | null = null;

  async function open(template: string, count: number | null): Promise<StatusPool> {
    const had = known.get(template);
    if (had !== undefined && had.pool.count === count && performance.now() < had.retryAtMs) return had.pool;
    try {
      facts ??= await probeFacts({ environment: callerEnvironment(), uid: 0, gid: process.getgid?.() ?? 0, files: findOwnFiles() });
      const opened = await openRootPool({ kind: 'volume', locator: template }, facts, { warn: () => {} });
      const pool = { pool: opened, driver: opened.driver, count };
      known.set(template, { pool, retryAtMs: Number.POSITIVE_INFINITY });
      return pool;
    } catch (error) {
      const pool = { pool: findPoolFiles({ template, runtime }), driver: toFailure(error), count };
      known.set(template, { pool, retryAtMs: performance.now() + retryMs });
      return pool;
    }
  }

  async function openAll(templates: readonly string[], countOf: (template: string) => number | null): Promise<readonly StatusPool[]> {
    const pools: StatusPool[] = [];
    for (const template of templates.toSorted()) pools.push(await open(template, countOf(template)));
    return pools;
  }

  return {
    all: async () => {
      const config = await loadConfig();
      const configured = [...config.templates.keys()];
      const templates = new Set([...configured, ...namedByState(runtime, configured)]);
      return await openAll([...templates], (template) => templateCount(config, template));
    },
    besides: (shown) => openAll(templatesBesides(runtime, shown), () => null),
  };
}

/** The datasets that have state, but for `shown`. */
export function templatesBesides(runtime: RuntimePaths, shown: ReadonlySet<string>): readonly string[] {
  return namedByState(runtime, [...shown]).filter((template) => !shown.has(template));
}

/**
 * The datasets that have state. A dataset with such a long name that only its hash is known appears if it is in the settings. Runs on
 * directories make their clones themselves, so there are no pools for them.
 */
function namedByState(runtime: RuntimePaths, configured: readonly string[]): readonly string[] {
  return readDirectory(runtime.pools).flatMap((key) => {
    const template = key.startsWith('+') ? configured.find((name) => poolPaths(runtime, name).key === key) : keyTemplate(key);
    return template === undefined || template === null ? [] : [template];
  });
}
