import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TemplateContext } from './context.ts';
import { directoryLayout } from './directory/layout.ts';
import { openDirectoryStore } from './directory/store.ts';
import { sweepParent } from './directory/sweep.ts';
import { withTemplateLock } from './lock.ts';
import type { TemplateStore } from './store.ts';
import { templateName, type TemplateRef } from './template-ref.ts';

/** Where a template is or will be. Looks at nothing yet. */
export function openStore(ref: TemplateRef, context: TemplateContext): TemplateStore {
  if (ref.kind === 'directory') return openDirectoryStore(ref.path, context);
  throw new Error('no datasets yet');
}

/**
 * Changes a template while no other process does, after what dead processes left beside it was finished or removed. Throws
 * `template-busy`, and what `action` throws.
 */
export async function changeTemplate<T>(
  ref: TemplateRef,
  context: TemplateContext,
  action: (store: TemplateStore) => Promise<T>,
): Promise<T> {
  const store = openStore(ref, context);
  if (ref.kind === 'directory' && existsSync(dirname(ref.path))) {
    return await withTemplateLock(directoryLayout(ref.path).lock, templateName(ref), context, async () => {
      await sweepParent(context, dirname(ref.path));
      return await action(store);
    });
  }
  return await action(store);
}
