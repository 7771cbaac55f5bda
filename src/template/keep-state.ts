import type { TemplateContext } from './context.ts';
import { timeLabel } from './label.ts';
import type { Snapshot, TemplateStore } from './store.ts';

/** Keeps the present state of a template under a label that says when. */
export async function keepState(store: TemplateStore, context: TemplateContext): Promise<Snapshot> {
  return await store.snapshot(timeLabel(context.clock(), await store.snapshots()));
}
