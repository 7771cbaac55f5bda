import { IsolateError } from '../error.ts';
import type { TemplateContext } from './context.ts';
import { createTemplate, fillDraft } from './create.ts';
import { type Filled, fillFrom, type FillOptions } from './fill/fill.ts';
import type { FillingPlace } from './fill/place.ts';
import { scratchDirectory, sweepScratch } from './scratch-directory.ts';
import { refuseReachable } from './keep-private.ts';
import { filesInDirectory } from './oci/directory-files.ts';
import { readLayout } from './oci/image.ts';
import { platformOf } from './oci/platform.ts';
import { checkReference } from './oci/reference.ts';
import { fetchImage, readRemoteDigest } from './oci/skopeo.ts';
import { changeTemplate, describeTemplate } from './open-store.ts';
import type { Snapshot, TemplateStore } from './store.ts';
import type { TemplateRef } from './template-ref.ts';

export interface PullTemplate extends Omit<FillOptions, 'createdMs' | 'name'> {
  readonly ref: TemplateRef;
  /** An image of a registry, without `docker://`. */
  readonly reference: string;
}

/** The image that `docker://IMAGE` means. Throws `usage`, `bad-source`. */
export function parsePullSource(from: string): string {
  if (from.startsWith('docker://')) return checkReference(from.slice('docker://'.length));
  throw new IsolateError('usage', `Only images of registries can be pulled, not ${JSON.stringify(from)}.`, {
    hint: 'isolate template pull TEMPLATE docker://IMAGE',
  });
}

/** What a pull did. `kept`: the snapshot that keeps the state before; null: an older one does. */
export type Pulled =
  | { readonly kind: 'made'; readonly filled: Filled }
  | { readonly kind: 'replaced'; readonly filled: Filled; readonly kept: Snapshot | null }
  /** The template was made from this very image. */
  | { readonly kind: 'same'; readonly digest: string };

/**
 * Makes a template from an image of a registry, or brings one to the image's state, wholly or not at all. Throws what `createTemplate`
 * throws, and `template-busy`.
 */
export async function pullTemplate({ ref, ...pull }: PullTemplate, context: TemplateContext): Promise<Pulled> {
  refuseReachable(ref, context.facts.user);
  const info = await describeTemplate(ref, context);
  if (info !== null) {
    const { record } = info;
    const digest = record === null || record instanceof IsolateError ? null : (record.digest ?? null);
    const stoppable = pull.signal === undefined ? context : { ...context, signal: pull.signal };
    return await changeTemplate(ref, stoppable, (store) => replace(store, digest, pull, stoppable));
  }
  const { reference, ...options } = pull;
  const source = { kind: 'image', format: 'docker', locator: reference } as const;
  return { kind: 'made', filled: await createTemplate({ ref, source, name: `docker://${reference}`, ...options }, context) };
}

/** `digest`: of the image that the template was made from; null: unknown. */
async function replace(
  store: TemplateStore,
  digest: string | null,
  { reference, ...options }: Omit<PullTemplate, 'ref'>,
  context: TemplateContext,
): Promise<Pulled> {
  const { facts } = context;
  // Also where nothing is fetched: a pull may have been killed when it had replaced the template.
  sweepScratch(scratchDirectory(facts));
  if (digest === (await readRemoteDigest(facts, reference, options))) return { kind: 'same', digest };
  options.onStep?.(`fetching ${reference}`);
  const { maxBytes } = options;
  const limit = maxBytes === undefined ? {} : { mostBytes: maxBytes };
  const fetched = await fetchImage(facts, reference, scratchDirectory(facts), { ...options, ...limit });
  try {
    // The registry may have it in another form, or for several platforms.
    const image = await readLayout(filesInDirectory(fetched.path), { name: null, platform: platformOf(process.arch) });
    if (image.digest === digest) return { kind: 'same', digest };
    return await fillAnew(store, fetched.path, { ...options, name: `docker://${reference}`, createdMs: context.clock() }, context);
  } finally {
    fetched.remove();
  }
}

async function fillAnew(store: TemplateStore, layout: string, options: FillOptions, context: TemplateContext): Promise<Pulled> {
  const source = { kind: 'image', format: 'oci', locator: layout } as const;
  const replacement = await store.replace();
  const fill = (place: FillingPlace): Promise<Filled> => fillFrom(source, place, options);
  const [filled, { kept }] = await fillDraft(replacement, context, fill, replacement.commit, options.signal);
  return { kind: 'replaced', filled, kept };
}
