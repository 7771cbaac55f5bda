import { mkdir, rename, stat } from 'node:fs/promises';

import { IsolateError } from '../../error.ts';
import { makeDirectories } from '../../process/make-directories.ts';
import { toSystemFailure } from '../../process/system-error.ts';
import { describeDirectory, type DirectoryFacts } from '../directory.ts';
import type { CloneInfo, CreateResult, Source } from '../driver.ts';
import type { CloneKind } from './kind.ts';
import { noteTemplate } from './note.ts';

/** Makes clones. Each appears under its name atomically. */
export async function createClones(kind: CloneKind, source: Source, ids: readonly string[]): Promise<readonly CreateResult[]> {
  const { layout } = kind;
  const template = describeDirectory(kind.template);
  if (template.guid !== source.guid) {
    throw new IsolateError('template-missing', `The template directory ${kind.template} was replaced while isolate used it.`);
  }
  await makePlaces(kind);
  kind.checkPlace(layout.directory);
  const results: CreateResult[] = [];
  for (const id of ids) {
    results.push(
      await createOne(kind, template, id).catch((cause: unknown): CreateResult => {
        const message = `Clone ${id} of ${kind.template} cannot be made.`;
        return { id, ok: false, error: toFailure(cause, message) };
      }),
    );
  }
  return results;
}

function toFailure(cause: unknown, message: string): IsolateError {
  if (cause instanceof IsolateError) return cause;
  return toSystemFailure(cause) ?? new IsolateError('storage-failed', message, { cause });
}

async function createOne(kind: CloneKind, template: DirectoryFacts, id: string): Promise<CreateResult> {
  const path = kind.layout.clone(id, 'live');
  if ((await stat(path).catch(() => null)) === null) await make(kind, template, id, path);
  const stats = await stat(path);
  const [guid = ''] = await kind.identify([{ path, stats }]);
  return {
    id,
    ok: true,
    clone: {
      id,
      guid,
      source: kind.template,
      marked: true,
      kept: false,
      createdMs: Math.round(stats.birthtimeMs),
      mountpoint: path,
    },
    rootfs: kind.rootfs(path, template),
  };
}

/** Nothing is mounted on the host, so a clone that exists only has to be found. */
export async function findClone(kind: CloneKind, { id }: CloneInfo): Promise<CreateResult> {
  return await createOne(kind, describeDirectory(kind.template), id);
}

async function makePlaces({ layout, template }: CloneKind): Promise<void> {
  makeDirectories(layout.directory, 0o700);
  await noteTemplate(layout, template);
}

/** How often the places of clones may be removed while one is made. */
const mostRemovals = 10;

/** Makes the directory of a new clone. A refresh removes the places of a template that has no clones. */
async function makeDirectory(kind: CloneKind, path: string): Promise<void> {
  for (let removals = 0; ; removals += 1) {
    try {
      await mkdir(path, { mode: 0o700 });
      // While this directory is there the note stays.
      return await noteTemplate(kind.layout, kind.template);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || removals === mostRemovals) throw error;
      await makePlaces(kind);
    }
  }
}

async function make(kind: CloneKind, template: DirectoryFacts, id: string, path: string): Promise<void> {
  const making = kind.layout.clone(id, 'new');
  await makeDirectory(kind, making);
  try {
    await kind.fill(making, template);
  } catch (error) {
    // What cannot be removed now is listed, and removed later.
    await kind.remove(making).catch(() => {});
    throw error;
  }
  await rename(making, path);
}
