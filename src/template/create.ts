import type { TemplateContext } from './context.ts';
import { type Filled, fillFrom, type FillOptions } from './fill/fill.ts';
import { claimFillingPlace, type FillingPlace } from './fill/place.ts';
import type { TemplateSource } from './fill/source.ts';
import { refuseMovable, refuseReachable } from './keep-private.ts';
import { timeLabel } from './label.ts';
import { changeTemplate, openStore } from './open-store.ts';
import { withFillable } from './around-fuse.ts';
import type { Draft } from './store.ts';
import type { TemplateRef } from './template-ref.ts';

export interface CreateTemplate extends Omit<FillOptions, 'createdMs'> {
  readonly ref: TemplateRef;
  readonly source: TemplateSource;
  /** Of its first snapshot; absent: one is made only where clones need it, and named after the time. */
  readonly label?: string;
}

/**
 * Makes a template from a source, wholly or not at all. Throws `template-exists`, `cannot-enforce`, what `fillFrom` throws, and the reason
 * of `signal`.
 */
export async function createTemplate({ ref, source, label, ...options }: CreateTemplate, context: TemplateContext): Promise<Filled> {
  const making = { ref, ...(label === undefined ? {} : { label }), ...(options.signal === undefined ? {} : { signal: options.signal }) };
  return await makeTemplate(making, context, (place) => fillFrom(source, place, { ...options, createdMs: context.clock() }));
}

/**
 * Makes a template of what `fill` puts into an empty directory. It is filled under another name, out of other users' reach, and has its
 * own name when it is complete. Throws `template-exists`, `cannot-enforce`, what `fill` throws, and the reason of `signal`.
 */
export async function makeTemplate<T>(
  { ref, label, signal }: Pick<CreateTemplate, 'ref' | 'label' | 'signal'>,
  context: TemplateContext,
  fill: (place: FillingPlace) => Promise<T>,
): Promise<T> {
  refuseMovable(ref, context.facts.user);
  refuseReachable(ref, context.facts.user);
  const draft = await openStore(ref, context).begin();
  const commit = (): Promise<void> => draft.commit(label ?? timeLabel(context.clock(), []));
  const [filled] = await fillDraft(draft, context, fill, commit, signal);
  if (label !== undefined && ref.kind === 'directory') await changeTemplate(ref, context, (store) => store.snapshot(label));
  return filled;
}

/** Fills a draft and commits it, or else discards it. Throws what `fill` and `commit` throw, and the reason of `signal`. */
export async function fillDraft<Content, Result>(
  draft: Omit<Draft, 'commit'>,
  context: TemplateContext,
  fill: (place: FillingPlace) => Promise<Content>,
  commit: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<readonly [Content, Result]> {
  try {
    const content = await withFillable(draft, context, async (target) => {
      const place = claimFillingPlace(target, context.facts);
      try {
        return await fill(place);
      } finally {
        place.release();
      }
    });
    signal?.throwIfAborted();
    return [content, await commit()];
  } catch (error) {
    // What cannot be removed now is swept later; the first failure is the one to report.
    await draft.discard().catch(() => {});
    throw error;
  }
}
