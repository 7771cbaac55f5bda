import { renameSync } from 'node:fs';
import type { TemplateContext } from '../context.ts';
import { makeRandom } from '../random.ts';
import type { DirectoryLayout } from './layout.ts';
import { reapOld } from './sweep.ts';

/** Removes a tree with the directory around it, or leaves it to a later sweep while runs may use it. */
export async function discardOld(context: TemplateContext, layout: DirectoryLayout, wrapper: string): Promise<void> {
  const old = layout.old(makeRandom());
  renameSync(wrapper, old);
  context.checkpoint('discard:renamed');
  await reapOld(context, layout.path, old);
}
