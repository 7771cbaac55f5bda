import { join } from 'node:path';

import { rootfsOf } from '../../rootfs/rootfs.ts';
import { openClones } from '../clones/driver.ts';
import { identifyByInode } from '../clones/kind.ts';
import type { StorageDriver } from '../driver.ts';
import { checkPlace, makeLayers } from './create.ts';
import { overlayLayout } from './layout.ts';

export interface OverlayOptions {
  /** Durable state on disk, because upper layers may grow. */
  readonly stateDirectory: string;
  readonly canIdmap: (path: string) => boolean;
  /** Removes a whole tree; a plain user's may contain files of subordinate ids, which only a user namespace can remove. */
  readonly removeTree: (path: string) => Promise<void>;
  /** Bytes on disk of a whole tree, whatever ids its files have. */
  readonly measureTree: (path: string) => Promise<number>;
}

/**
 * Throw-away layers over a directory, merged in the sandbox's own mount namespace. The directory must not change while clones of it exist
 * (kernel's overlayfs.rst: "undefined").
 */
export function openOverlay(template: string, { stateDirectory, canIdmap, removeTree, measureTree }: OverlayOptions): StorageDriver {
  return openClones({
    name: 'overlay',
    template,
    layout: overlayLayout(stateDirectory, template),
    probe: async () => ({ implementation: 'overlayfs', version: '' }),
    checkPlace,
    fill: makeLayers,
    rootfs: (directory, { ownership }) =>
      rootfsOf({
        kind: 'overlay',
        lower: template,
        upperParent: directory,
        ownership,
        idmappable: { lower: canIdmap(template), upper: canIdmap(directory) },
      }),
    identify: identifyByInode,
    // The layers are empty when a run begins.
    flush: async () => {},
    measure: (directory) => measureTree(join(directory, 'upper')),
    remove: removeTree,
    openChanges: (directory) => ({
      base: template,
      other: join(directory, 'upper'),
      form: { kind: 'layer', marks: 'user' },
      close: async () => {},
    }),
  });
}
