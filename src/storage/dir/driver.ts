import { rootfsOf } from '../../rootfs/rootfs.ts';
import type { CloneInfo, Source, StorageDriver } from '../driver.ts';
import { describeDirectory } from '../directory.ts';

export interface DirOptions {
  /** Whether the file system a path is on can be mounted idmapped. */
  readonly canIdmap: (path: string) => boolean;
}

/**
 * Template mode: the directory itself is the root, changes stay. There is nothing to make, list or destroy; every id
 * stands for the directory.
 */
export function openDir(path: string, options: DirOptions): StorageDriver {
  return {
    name: 'dir',
    template: path,
    capabilities: {
      batchDestroy: true,
      parallelCreates: Number.POSITIVE_INFINITY,
      busyDetection: false,
      idmappedMounts: options.canIdmap(path),
      pooled: false,
    },
    probe: async () => {
      describeDirectory(path);
      return { implementation: 'directory', version: '', freeFraction: null };
    },
    newestSource: async (): Promise<Source> => ({ template: path, name: path, guid: describeDirectory(path).guid }),
    create: async (source, ids) => {
      const { guid, ownership } = describeDirectory(path);
      const clone = (id: string): CloneInfo => ({
        id,
        guid,
        source: source.name,
        marked: true,
        kept: false,
        createdMs: null,
        mountpoint: path,
      });
      return ids.map((id) => ({
        id,
        ok: true,
        clone: clone(id),
        rootfs: rootfsOf({ kind: 'tree', source: path, ownership, idmappable: options.canIdmap(path) }),
      }));
    },
    list: async () => [],
    destroy: async (refs) => refs.map(({ id }) => ({ id, outcome: 'gone' })),
    holders: async () => [],
  };
}
