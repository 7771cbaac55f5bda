import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { IsolateError } from '../../src/error.ts';
import type { CloneInfo, CreateResult, DestroyResult, Source, StorageCapabilities, StorageDriver } from '../../src/storage/driver.ts';

export interface DirectoryDriverOptions {
  readonly capabilities?: Partial<StorageCapabilities>;
  readonly checkpoint?: (step: string) => void;
  /** Share of the storage that is free; absent: all. */
  readonly freeFraction?: number;
}

/**
 * The reference driver: real directories, copied. Below `directory`: `template/`, `snapshots/NAME/`, `clones/ID/` with
 * `meta.json` (guid, source, marked, kept) and `rootfs/`. A file `busy` in a clone makes destroying it answer busy.
 */
export function directoryDriver(directory: string, options: DirectoryDriverOptions = {}): StorageDriver {
  const clones = join(directory, 'clones');
  const snapshots = join(directory, 'snapshots');
  const checkpoint = options.checkpoint ?? (() => {});
  const capabilities: StorageCapabilities = {
    batchDestroy: false,
    parallelCreates: 1,
    busyDetection: true,
    idmappedMounts: false,
    pooled: true,
    ...options.capabilities,
  };

  function read(id: string): CloneInfo | null {
    const path = join(clones, id);
    try {
      const meta = JSON.parse(readFileSync(join(path, 'meta.json'), 'utf8')) as Omit<CloneInfo, 'id' | 'mountpoint'>;
      return { id, ...meta, mountpoint: join(path, 'rootfs') };
    } catch {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) return null;
      return { id, guid: 'unmarked', source: 'unknown', marked: false, kept: false, createdMs: stat.mtimeMs, mountpoint: null };
    }
  }

  function make(source: Source, id: string): CreateResult {
    const path = join(clones, id);
    if (!existsSync(path)) {
      mkdirSync(path, { recursive: true });
      checkpoint('driver:made');
      cpSync(join(snapshots, source.name), join(path, 'rootfs'), { recursive: true });
      const meta = { guid: randomBytes(8).toString('hex'), source: source.name, marked: true, kept: false, createdMs: Date.now() };
      writeFileSync(join(path, '.meta'), JSON.stringify(meta));
      renameSync(join(path, '.meta'), join(path, 'meta.json'));
      checkpoint('driver:marked');
    }
    const clone = read(id);
    if (clone === null || !clone.marked) {
      return { id, ok: false, error: new IsolateError('dataset-exists', `Clone ${id} exists and is not whole.`) };
    }
    return {
      id,
      ok: true,
      clone,
      rootfs: { parts: [{ kind: 'tree', source: join(path, 'rootfs'), ownership: { kind: 'natural' }, idmappable: false }] },
    };
  }

  function remove(id: string, guid: string): DestroyResult {
    const clone = read(id);
    if (clone === null) return { id, outcome: 'gone' };
    if (clone.guid !== guid || clone.kept) {
      return { id, outcome: 'refused', error: new IsolateError('dataset-not-ours', `Clone ${id} is not ${guid}.`) };
    }
    if (capabilities.busyDetection && existsSync(join(clones, id, 'busy'))) {
      return { id, outcome: 'busy', error: new IsolateError('dataset-busy', `Clone ${id} is busy.`) };
    }
    const trash = join(directory, `trash-${randomBytes(8).toString('hex')}`);
    renameSync(join(clones, id), trash);
    rmSync(trash, { recursive: true, force: true });
    return { id, outcome: 'gone' };
  }

  function rewrite(id: string, change: (meta: Record<string, unknown>) => Record<string, unknown>): void {
    const path = join(clones, id);
    const meta = JSON.parse(readFileSync(join(path, 'meta.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(join(path, '.meta'), JSON.stringify(change(meta)));
    renameSync(join(path, '.meta'), join(path, 'meta.json'));
  }

  return {
    name: 'directory',
    template: directory,
    capabilities,
    probe: async () => ({ implementation: 'directory', version: '1', freeFraction: options.freeFraction ?? 1 }),
    newestSource: async () => {
      const name = readdirSync(snapshots).sort().at(-1);
      if (name === undefined) throw new IsolateError('template-without-snapshot', `${directory} has no snapshot.`);
      return { template: directory, name, guid: name };
    },
    create: async (source, ids) => ids.map((id) => make(source, id)),
    mount: async ({ id, source }) => make({ template: directory, name: source, guid: source }, id),
    openChanges: async ({ id, source }) => ({
      base: join(snapshots, source),
      other: join(clones, id, 'rootfs'),
      form: { kind: 'trees', sameInodesSinceMs: null },
      close: async () => {},
    }),
    keep: async ({ id }, session) => rewrite(id, (meta) => ({ ...meta, kept: true, session })),
    forget: async ({ id }) => rewrite(id, (meta) => ({ ...meta, kept: false, session: undefined })),
    usage: async (ids) => new Map(ids.map((id) => [id, 4096])),
    list: async () => (existsSync(clones) ? readdirSync(clones).flatMap((id) => read(id) ?? []) : []),
    destroy: async (refs) => refs.map(({ id, guid }) => remove(id, guid)),
    holders: async ({ id }) => (existsSync(join(clones, id, 'busy')) ? [{ pid: 1, command: 'init' }] : []),
  };
}

/** Makes what the driver works on: a template with one snapshot. */
export function makeDirectoryTemplate(directory: string): void {
  mkdirSync(join(directory, 'clones'), { recursive: true });
  mkdirSync(join(directory, 'snapshots', '1', 'etc'), { recursive: true });
  writeFileSync(join(directory, 'snapshots', '1', 'etc', 'release'), 'one\n');
}
