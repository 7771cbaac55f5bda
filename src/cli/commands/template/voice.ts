import type { RunEvent } from '../../../run/run-event.ts';
import { escapeControls } from '../../escape.ts';
import { write } from '../../output.ts';

/** Tells on standard error what goes wrong with a run in a template. That its changes stay is why it was started. */
export function tellWarning(event: RunEvent): void {
  if (event.kind === 'warning') write(2, `isolate: warning: ${escapeControls(event.message)}\n`);
}
