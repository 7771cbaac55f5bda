import { findChanges } from '../diff/find-changes.ts';
import type { ChangedRoot } from '../run/changed-root.ts';
import { renderForPeople } from './change-forms.ts';
import { wantsColour } from './colour.ts';
import { printParts } from './output.ts';
import { withStopSignals } from './stop-signals.ts';

/** Prints what a run has changed; a signal ends that. */
export async function tellChanges(root: ChangedRoot): Promise<void> {
  await withStopSignals(async (signal) => {
    const found = await findChanges(root, { paths: [], foldDirectories: true, signal });
    await printParts(renderForPeople(found, { all: false, colour: wantsColour(2), saysAll: false }), 2);
  });
}
