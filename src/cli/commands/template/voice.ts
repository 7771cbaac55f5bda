import type { RunEvent } from '../../../run/run-event.ts';
import type { GivenTemplate } from '../../../template/given.ts';
import { openStore } from '../../../template/open-store.ts';
import { templateName } from '../../../template/template-ref.ts';
import { escapeControls } from '../../escape.ts';
import { write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';

/** Tells on standard error what goes wrong with a run in a template. That its changes stay is why it was started. */
export function tellWarning(event: RunEvent): void {
  if (event.kind === 'warning') write(2, `isolate: warning: ${escapeControls(event.message)}\n`);
}

/** Tells after a new snapshot of a dataset that runs do not have its state before its fresh clones are used up. */
export async function tellOldClones({ flags }: ParsedArguments, { ref, context }: Omit<GivenTemplate, 'places'>): Promise<void> {
  if (ref.kind !== 'dataset' || flags.has('json') || flags.has('quiet')) return;
  const info = await openStore(ref, context).describe();
  if (info === null || info.clones.fresh === 0) return;
  write(2, `isolate: fresh clones still have an older state; isolate refresh --force ${templateName(ref)} replaces them\n`);
}
