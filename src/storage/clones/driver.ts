import { readFile, statfs } from 'node:fs/promises';

import { parseMountinfo } from '../../host/mountinfo.ts';
import { describeDirectory } from '../directory.ts';
import type { Holder, Source, StorageDriver } from '../driver.ts';
import { findHolders, locate } from '../holders.ts';
import { createClones, findClone } from './create.ts';
import { destroyClones } from './destroy.ts';
import type { CloneKind } from './kind.ts';
import { listClones } from './list.ts';
import { removeEmptyPlaces } from './note.ts';
import { forgetClone, keepClone, noteLastRun } from './session.ts';

/** A driver whose clones of a template directory are directories of isolate's own, made when a run starts. */
export function openClones(kind: CloneKind): StorageDriver {
  const { name, template, layout } = kind;
  return {
    name,
    template,
    capabilities: {
      batchDestroy: true,
      parallelCreates: 8,
      busyDetection: false,
      idmappedMounts: true,
      pooled: false,
    },
    probe: async () => {
      describeDirectory(template);
      const health = await kind.probe();
      const { bavail, blocks } = await statfs(template);
      return { ...health, freeFraction: blocks === 0 ? null : bavail / blocks };
    },
    newestSource: async (): Promise<Source> => ({ template, name: template, guid: describeDirectory(template).guid }),
    create: (source, ids) => createClones(kind, source, ids),
    mount: (clone) => findClone(kind, clone),
    list: () => listClones(kind),
    destroy: (refs) => destroyClones(kind, refs),
    openChanges: async ({ id, createdMs }, path) => kind.openChanges(layout.clone(id, 'live'), path, createdMs ?? 0),
    keep: ({ id }, session) => keepClone(kind, id, session),
    noteLastRun: ({ id }, lastRun) => noteLastRun(kind, id, lastRun),
    tidy: () => removeEmptyPlaces(layout, template),
    forget: ({ id }) => forgetClone(kind, id),
    usage: (ids) => measureClones(kind, ids),
    holders: ({ id }) => findDirectoryHolders(layout.clone(id, 'live')),
  };
}

async function measureClones({ layout, measure }: CloneKind, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const id of ids) {
    const size = await measure?.(layout.clone(id, 'live')).catch(() => undefined);
    if (size !== undefined) sizes.set(id, size);
  }
  return sizes;
}

async function findDirectoryHolders(path: string): Promise<readonly Holder[]> {
  const place = locate(parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')), path);
  return place === null ? [] : findHolders({ kind: 'directory', ...place, path });
}
