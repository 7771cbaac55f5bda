import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runtimePaths } from '../../src/pool/paths.ts';
import { openPoolFiles, type PoolFiles } from '../../src/pool/pool.ts';
import { formatCloneRecord } from '../../src/pool/state/state-file.ts';

/** State directories of a pool whose clones are nothing but a directory, made by the test. */
export interface FreshClones {
  readonly pool: PoolFiles;
  /** Makes so many more; their ids. */
  readonly make: (count: number, idmappable?: boolean) => string[];
  /** What a run without the daemon does: takes one away; false: there is none. */
  readonly steal: () => boolean;
  readonly ids: (state: 'fresh' | 'leased' | 'retired') => string[];
  readonly end: () => void;
}

export function makeFreshClones(template = 'tank/one'): FreshClones {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-fresh-'));
  const pool = openPoolFiles({ template, runtime: runtimePaths(join(directory, 'run')) });
  const root = join(directory, 'root');
  mkdirSync(root);
  const { dev: device, ino: inode } = statSync(root);
  let last = 1000;
  const ids: FreshClones['ids'] = (state) =>
    readdirSync(pool.paths[state])
      .map((name) => name.split('.')[0] ?? '')
      .sort();
  return {
    pool,
    make: (count, idmappable = true) =>
      Array.from({ length: count }, () => {
        const id = String((last += 1));
        const rootfs = { parts: [{ kind: 'tree', source: root, ownership: { kind: 'natural' }, idmappable }] } as const;
        const state = { id, guid: id, source: '1', rootfs, createdMs: 0, device, inode };
        writeFileSync(join(pool.paths.fresh, id), formatCloneRecord(state));
        return id;
      }),
    steal: () => {
      const [id] = ids('fresh');
      if (id !== undefined) renameSync(join(pool.paths.fresh, id), join(pool.paths.retired, id));
      return id !== undefined;
    },
    ids,
    end: () => rmSync(directory, { recursive: true }),
  };
}
