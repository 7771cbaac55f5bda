import { createWriteStream, existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { IsolateError } from '../../error.ts';
import type { Facts } from '../../host/facts.ts';
import { runAsCaller } from '../fill/filling.ts';
import { filesInDirectory } from '../oci/directory-files.ts';
import { blobPath } from '../oci/digest.ts';
import { parseIndex } from '../oci/index-file.ts';
import { fieldsOf, listOf, longestJson, parseJson } from '../oci/json.ts';
import { outputOfRun } from '../oci/program-output.ts';
import { nameAnnotation, printIndex } from './image-documents.ts';
import type { WrittenImage } from './write-layout.ts';

/**
 * Makes the finished layout at `layout` the one at `path`, in one step, or adds its image to the layout that is there, in the place of one
 * of the same name. Both are on one file system. Throws `push-failed`, and `bad-source` for a damaged index.
 */
export async function deliverLayout(layout: string, image: WrittenImage, path: string, name: string | null): Promise<void> {
  if (!existsSync(path) || isEmpty(path)) {
    await rename(layout, path);
    return;
  }
  if (!existsSync(join(path, 'oci-layout'))) throw new IsolateError('push-failed', `${path} has other files, and no image layout.`);
  const others = await readOthers(path, name);
  for (const { digest } of image.blobs) {
    const to = join(path, blobPath(digest));
    await mkdir(dirname(to), { recursive: true });
    await rename(join(layout, blobPath(digest)), to);
  }
  const index = join(layout, 'index.json');
  await writeFile(index, printIndex([...others, image.entry]));
  await rename(index, join(path, 'index.json'));
}

function isEmpty(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** The images of a layout but the one of this name, as they are described there. */
async function readOthers(path: string, name: string | null): Promise<readonly unknown[]> {
  const what = `index.json of ${path}`;
  const bytes = await filesInDirectory(path).read('index.json', longestJson);
  parseIndex(bytes, what);
  const { manifests } = fieldsOf(parseJson(bytes, what), what);
  return listOf(manifests, what, Number.MAX_SAFE_INTEGER).filter((each) => {
    const { annotations } = fieldsOf(each, what);
    return (annotations === undefined ? null : (fieldsOf(annotations, what)[nameAnnotation] ?? null)) !== name;
  });
}

/** Makes an archive of a layout, as the new file `draft`, which takes the place of what is at `path` in one step. */
export async function deliverArchive(
  layout: string,
  { draft, path }: { readonly draft: string; readonly path: string },
  facts: Facts,
  signal?: AbortSignal,
): Promise<void> {
  const command = [
    'tar',
    '--create',
    '--file=-',
    '--format=gnu',
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
    `--directory=${layout}`,
    'blobs',
    'index.json',
    'oci-layout',
  ] as const;
  const packed = outputOfRun(
    (request) => runAsCaller(facts, request),
    { command, ...(signal === undefined ? {} : { signal }) },
    (said) => new IsolateError('push-failed', `${path} cannot be written.`, { cause: new Error(said) }),
  );
  try {
    await pipeline(packed, createWriteStream(draft, { flags: 'wx' }));
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
