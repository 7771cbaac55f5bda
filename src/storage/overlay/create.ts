import { rootfsOf } from '../../rootfs/rootfs.ts';
import { statfsSync } from 'node:fs';
import { chmod, chown, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IsolateError } from '../../error.ts';
import { filesystemName, refusesUpperLayers } from '../../host/filesystem.ts';
import { makeDirectories } from '../../process/make-directories.ts';
import { toSystemFailure } from '../../process/system-error.ts';
import type { CloneInfo, CreateResult, Source } from '../driver.ts';
import { describeDirectory, type DirectoryFacts } from '../directory.ts';
import type { OverlayContext } from './context.ts';
import { cloneGuid } from './layout.ts';

/** Makes the layers of clones: `upper`, `work` and the empty `merged`. A clone appears under its name atomically. */
export async function createLayers(context: OverlayContext, source: Source, ids: readonly string[]): Promise<readonly CreateResult[]> {
  const template = describeDirectory(context.template);
  if (template.guid !== source.guid) {
    throw new IsolateError('template-missing', `The template directory ${context.template} was replaced while isolate used it.`);
  }
  const { directory, templateFile } = context.layout;
  makeDirectories(directory, 0o700);
  checkPlace(directory);
  await writeFile(templateFile, `${context.template}\n`);
  const results: CreateResult[] = [];
  for (const id of ids) {
    results.push(
      await createOne(context, source, template, id).catch((cause: unknown): CreateResult => {
        const message = `The layers of clone ${id} of ${context.template} cannot be made.`;
        return { id, ok: false, error: toSystemFailure(cause) ?? new IsolateError('storage-failed', message, { cause }) };
      }),
    );
  }
  return results;
}

/** As in a container, whose own root is an overlay. */
function checkPlace(directory: string): void {
  const { type } = statfsSync(directory);
  if (!refusesUpperLayers(type)) return;
  throw new IsolateError('cannot-enforce', `${directory} is on ${filesystemName(type)}, which cannot hold the layers of a run.`, {
    hint: `mount ext4, xfs, btrfs or tmpfs there${process.getuid?.() === 0 ? '' : ', or set HOME to a directory on one'}`,
  });
}

async function createOne(context: OverlayContext, source: Source, template: DirectoryFacts, id: string): Promise<CreateResult> {
  const path = context.layout.clone(id, 'live');
  if ((await stat(path).catch(() => null)) === null) await makeLayers(context, template, id, path);
  const stats = await stat(path);
  return {
    id,
    ok: true,
    clone: {
      id,
      guid: cloneGuid(stats),
      source: source.name,
      marked: true,
      kept: false,
      createdMs: Math.round(stats.birthtimeMs),
      mountpoint: path,
    },
    rootfs: rootfsOf({
      kind: 'overlay',
      lower: context.template,
      upperParent: path,
      ownership: template.ownership,
      idmappable: { lower: context.canIdmap(context.template), upper: context.canIdmap(path) },
    }),
  };
}

/** Layers are merged in the sandbox, so there is nothing to mount. */
export async function findLayers(context: OverlayContext, { id }: CloneInfo): Promise<CreateResult> {
  return await createOne(
    context,
    { template: context.template, name: context.template, guid: '' },
    describeDirectory(context.template),
    id,
  );
}

async function makeLayers(context: OverlayContext, template: DirectoryFacts, id: string, path: string): Promise<void> {
  const making = context.layout.clone(id, 'new');
  await mkdir(making, { mode: 0o700 });
  const upper = join(making, 'upper');
  await Promise.all([mkdir(upper), mkdir(join(making, 'work')), mkdir(join(making, 'merged'))]);
  // The merged root has the owner and mode of the upper layer, and the process that mounts it must be able to access the layers as that owner.
  if (process.getuid?.() === 0) {
    await Promise.all([upper, join(making, 'work'), making].map((directory) => chown(directory, template.uid, template.gid)));
  }
  await chmod(upper, template.mode);
  await rename(making, path);
}
