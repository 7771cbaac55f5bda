import type { EndOperation } from '../launch/launch.ts';
import { toSystemFailure } from '../process/system-error.ts';

/** One thing that a run has to itself. This process gives it back, or the launcher does. */
export interface Held {
  readonly giveBack: () => Promise<void> | void;
  /** The same as the launcher does it at the end, from the last to the first; null: it cannot. */
  readonly atEnd: (() => readonly EndOperation[]) | null;
}

/**
 * Gives back what a run held. A failure does not change how the run ended: it goes to `warn`, and the next refresh cleans up.
 */
export async function giveBack(held: Held, warn: (message: string) => void): Promise<void> {
  try {
    await held.giveBack();
  } catch (error) {
    warn((toSystemFailure(error) ?? (error as Error)).message);
  }
}
