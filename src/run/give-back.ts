import type { EndOperation } from '../launch/launch.ts';
import type { Outcome } from '../launch/outcome.ts';
import { toSystemFailure } from '../process/system-error.ts';

/**
 * How one thing that a run has to itself is given back: by this process, which is told how the run ended (undefined: it did not begin), or by
 * the launcher.
 */
export interface Release {
  readonly giveBack: (outcome: Outcome | undefined) => Promise<void> | void;
  /** The same as the launcher does it at the end, from the last to the first; null: it cannot. */
  readonly atEnd: (() => readonly EndOperation[]) | null;
}

/**
 * Gives back one thing. A failure does not change how the run ended: it goes to `warn`, and the next refresh cleans up.
 */
export async function giveBack(release: Release, outcome: Outcome | undefined, warn: (message: string) => void): Promise<void> {
  try {
    await release.giveBack(outcome);
  } catch (error) {
    warn((toSystemFailure(error) ?? (error as Error)).message);
  }
}
