import { accessSync, constants, existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { IsolateError } from '../../error.ts';
import { findWriterAbove } from '../../host/writers-above.ts';
import { makeRandom } from '../../process/random.ts';
import type { TemplateContext } from '../context.ts';
import { nowAndThen } from '../fill/progress.ts';
import type { UnpackOptions } from '../fill/unpack.ts';
import { isNoSpace, noSpace } from '../no-space.ts';
import { platformOf } from '../oci/platform.ts';
import { makeScratch, scratchDirectory } from '../scratch-directory.ts';
import { requireSkopeo, storeImage } from '../oci/skopeo.ts';
import { changeTemplate, openStore } from '../open-store.ts';
import { tryRecord } from '../read-record.ts';
import { withReadable } from '../around-fuse.ts';
import type { OpenTree, TemplateStore } from '../store.ts';
import { templateName, type TemplateRef } from '../template-ref.ts';
import { deliverArchive, deliverLayout } from './deliver.ts';
import type { LayerCompression } from './image-documents.ts';
import { openTreeReader, packTree, refuseWhiteouts } from './read-tree.ts';
import type { PushTarget } from './target.ts';
import { type WrittenImage, writeLayout } from './write-layout.ts';

export interface PushTemplate {
  readonly ref: TemplateRef;
  readonly target: PushTarget;
  readonly compression: LayerCompression;
  /** Without TLS too, and whatever certificate the registry shows. */
  readonly insecure: boolean;
  readonly onStep: (step: string) => void;
  readonly onProgress: NonNullable<UnpackOptions['onProgress']>;
  readonly signal?: AbortSignal;
}

/** The image that was made. */
export type Pushed = Pick<WrittenImage, 'digest' | 'size'>;

/**
 * Makes an image of a template's present state, and takes it to its target: wholly or not at all. The same files and defaults make the
 * same image. Throws `push-failed`, `cannot-enforce`, `bad-template`, `missing-tool`, `pool-full`, the reason of `signal`, and what reading
 * the tree throws.
 */
export async function pushTemplate(push: PushTemplate, context: TemplateContext): Promise<Pushed> {
  const { target, signal, onStep, insecure } = push;
  if (target.kind === 'registry') requireSkopeo();
  const beside = chooseScratch(target, context);
  if (!existsSync(beside)) throw new IsolateError('push-failed', `There is no directory ${beside}.`);
  const scratch = makeScratch(beside);
  try {
    const layout = join(scratch.path, 'image');
    const image = await readUnchanged(push, context, (store) => writeImage(store, layout, push, context));
    signal?.throwIfAborted();
    const options = signal === undefined ? {} : { signal };
    switch (target.kind) {
      case 'registry':
        onStep(`storing ${megabytes(image.size)} MB at docker://${target.reference}`);
        await storeImage(context.facts, layout, nameInScratch, target.reference, { insecure, ...options });
        break;
      case 'layout':
        await deliverLayout(layout, image, target.path, target.name);
        break;
      case 'archive':
        await deliverArchive(layout, { draft: nameDraft(target.path, scratch.path), path: target.path }, context.facts, signal);
        break;
    }
    return { digest: image.digest, size: image.size };
  } catch (error) {
    signal?.throwIfAborted();
    throw isNoSpace(error) ? noSpace('The image cannot be written', beside) : error;
  } finally {
    scratch.remove();
  }
}

/**
 * Where the image is made. Another user who can exchange directories on the way to the target could make this process write and remove
 * files elsewhere. Only a finished archive goes to such a target. Throws `cannot-enforce` for a layout.
 */
function chooseScratch(target: PushTarget, { facts }: TemplateContext): string {
  if (target.kind === 'registry') return scratchDirectory(facts);
  const { path } = target;
  const writer = findWriterAbove(join(path, 'index.json'), facts.user.uid);
  if (writer === null) return dirname(path);
  if (target.kind === 'archive') return scratchDirectory(facts);
  throw new IsolateError('cannot-enforce', `${path} is not a safe place for an image: ${writer.who} can change ${writer.path}.`, {
    hint: 'choose a directory in which only you and root can change anything, or push an oci-archive',
  });
}

/** The name of an archive until it is complete: beside the image if that is on the same file system, so that it is removed with it. */
function nameDraft(path: string, scratch: string): string {
  return dirname(scratch) === dirname(path) ? join(scratch, 'archive') : join(dirname(path), `.${basename(path)}.new-${makeRandom()}`);
}

/** How an image is called where only skopeo sees it. */
const nameInScratch = 'template';

/** While no other process changes the template, if this caller may keep them from it. */
async function readUnchanged<T>({ ref }: PushTemplate, context: TemplateContext, action: (store: TemplateStore) => Promise<T>): Promise<T> {
  return ref.kind === 'dataset' || isWritable(dirname(ref.path))
    ? await changeTemplate(ref, context, action)
    : await action(openStore(ref, context));
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function writeImage(store: TemplateStore, layout: string, push: PushTemplate, context: TemplateContext): Promise<WrittenImage> {
  const tree = await store.open();
  try {
    return await withReadable(tree, context, (readable) => writeTree(readable, layout, push, context));
  } finally {
    await tree.close();
  }
}

async function writeTree(
  tree: OpenTree,
  layout: string,
  { ref, target, compression, onStep, onProgress, signal }: PushTemplate,
  { facts }: TemplateContext,
): Promise<WrittenImage> {
  const name = templateName(ref);
  const record = tryRecord(tree.path, name);
  if (record instanceof IsolateError) throw record;
  const reader = openTreeReader(tree, facts);
  try {
    await refuseWhiteouts(reader, name, signal);
    onStep(`packing ${name}`);
    return await writeLayout(layout, () => packTree(reader, name, signal), {
      createdMs: record?.createdMs ?? null,
      defaults: record?.defaults ?? {},
      platform: platformOf(process.arch),
      compression,
      name: target.kind === 'registry' ? nameInScratch : target.name,
      onRead: nowAndThen((bytes) => onProgress({ bytes, total: null })),
      ...(signal === undefined ? {} : { signal }),
    });
  } finally {
    reader.release();
  }
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}
