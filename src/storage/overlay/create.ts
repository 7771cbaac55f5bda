import { chmod, chown, mkdir } from 'node:fs/promises';
import { statfsSync } from 'node:fs';
import { join } from 'node:path';

import { IsolateError } from '../../error.ts';
import { filesystemName, refusesUpperLayers } from '../../host/filesystem.ts';
import type { DirectoryFacts } from '../directory.ts';

/** As in a container, whose own root is an overlay. Throws `cannot-enforce`. */
export function checkPlace(directory: string): void {
  const { type } = statfsSync(directory);
  if (!refusesUpperLayers(type)) return;
  throw new IsolateError('cannot-enforce', `${directory} is on ${filesystemName(type)}, which cannot hold the layers of a run.`, {
    hint: `mount ext4, xfs, btrfs or tmpfs there${process.getuid?.() === 0 ? '' : ', or set HOME to a directory on one'}`,
  });
}

/** Makes the layers of a clone: `upper`, `work` and the empty `merged`. */
export async function makeLayers(directory: string, template: DirectoryFacts): Promise<void> {
  const upper = join(directory, 'upper');
  await Promise.all([mkdir(upper), mkdir(join(directory, 'work')), mkdir(join(directory, 'merged'))]);
  // The merged root has the owner and mode of the upper layer, and the process that mounts it must be able to access the layers as that owner.
  if (process.getuid?.() === 0) {
    await Promise.all([upper, join(directory, 'work'), directory].map((path) => chown(path, template.uid, template.gid)));
  }
  await chmod(upper, template.mode);
}
