import { dirname } from 'node:path';

import { parentOf } from '../storage/zfs/names.ts';
import { newTemplate } from './find.ts';
import type { GivenTemplate } from './given.ts';
import { changeTemplate } from './open-store.ts';
import type { TemplatePlace } from './places.ts';
import type { TemplateRef } from './template-ref.ts';

/** Gives a template another name, which without a place means one beside it, and returns where it is then. Throws `template-exists`. */
export async function renameTemplate({ ref, context, places }: GivenTemplate, wanted: string): Promise<TemplateRef> {
  const to = newTemplate(wanted, { ...places, own: placeOf(ref) });
  await changeTemplate(ref, context, (store) => store.rename(to));
  return to;
}

function placeOf(ref: TemplateRef): TemplatePlace {
  if (ref.kind === 'directory') return { kind: 'directory', path: dirname(ref.path) };
  return { kind: 'dataset', dataset: parentOf(ref.dataset) };
}
