import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMountinfo } from '../../host/mountinfo.ts';
import type { CloneInfo, Holder, Source, StorageDriver } from '../driver.ts';
import { describeDirectory } from '../directory.ts';
import { findHolders, locate } from '../holders.ts';
import type { OverlayContext, OverlayOptions } from './context.ts';
import { createLayers, findLayers } from './create.ts';
import { forgetLayers, keepLayers, readSession } from './session.ts';
import { destroyLayers } from './destroy.ts';
import { cloneGuid, overlayLayout, parseCloneDirectory } from './layout.ts';

/**
 * Throw-away layers over a directory, merged in the sandbox's own mount namespace. The directory must not change while clones of it exist
 * (kernel's overlayfs.rst: "undefined").
 */
export function openOverlay(template: string, options: OverlayOptions): StorageDriver {
  const context: OverlayContext = { ...options, template, layout: overlayLayout(options.stateDirectory, template) };
  return {
    name: 'overlay',
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
      const { bavail, blocks } = await statfs(template);
      return { implementation: 'overlayfs', version: '', freeFraction: blocks === 0 ? null : bavail / blocks };
    },
    newestSource: async (): Promise<Source> => ({ template, name: template, guid: describeDirectory(template).guid }),
    create: (source, ids) => createLayers(context, source, ids),
    mount: (clone) => findLayers(context, clone),
    list: () => listLayers(context),
    destroy: (refs) => destroyLayers(context, refs),
    openChanges: async ({ id }) => ({
      base: template,
      other: join(context.layout.clone(id, 'live'), 'upper'),
      form: { kind: 'layer', marks: 'user' },
      close: async () => {},
    }),
    keep: ({ id }, session) => keepLayers(context, id, session),
    forget: ({ id }) => forgetLayers(context, id),
    usage: (ids) => measureLayers(context, ids),
    holders: (ref) => findLayerHolders(context, ref.id),
  };
}

/** Every directory of ours; one that a crash left half-made or half-removed is unmarked. */
async function measureLayers({ layout, measureTree }: OverlayContext, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const id of ids) {
    const size = await measureTree(join(layout.clone(id, 'live'), 'upper')).catch(() => null);
    if (size !== null) sizes.set(id, size);
  }
  return sizes;
}

async function listLayers({ layout, template }: OverlayContext): Promise<readonly CloneInfo[]> {
  const clones = new Map<string, CloneInfo>();
  for (const name of await names(layout.directory)) {
    const parsed = parseCloneDirectory(name);
    if (parsed === null) continue;
    const path = layout.clone(parsed.id, parsed.stage);
    const stats = await stat(path).catch(() => null);
    if (stats === null || (clones.has(parsed.id) && parsed.stage !== 'live')) continue;
    const session = parsed.stage === 'live' ? await readSession(path) : null;
    clones.set(parsed.id, {
      id: parsed.id,
      guid: cloneGuid(stats),
      source: template,
      marked: parsed.stage === 'live',
      kept: session !== null,
      ...(session === null ? {} : { session }),
      createdMs: Math.round(stats.birthtimeMs),
      mountpoint: parsed.stage === 'live' ? path : null,
    });
  }
  return [...clones.values()];
}

async function names(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
}

async function findLayerHolders({ layout }: OverlayContext, id: string): Promise<readonly Holder[]> {
  const path = layout.clone(id, 'live');
  const place = locate(parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')), path);
  return place === null ? [] : findHolders({ kind: 'directory', ...place, path });
}
