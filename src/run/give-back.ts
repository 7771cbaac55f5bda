import { toSystemFailure } from '../process/system-error.ts';

/** Gives back one thing that a run had to itself. */
export type Release = () => Promise<void> | void;

/**
 * Gives back what a run had to itself. A failure takes nothing from how the run ended: it goes to `warn`, and the next
 * refresh repairs what is left.
 */
export async function giveBack(release: Release, warn: (message: string) => void): Promise<void> {
  try {
    await release();
  } catch (error) {
    warn((toSystemFailure(error) ?? (error as Error)).message);
  }
}
