import type { LeasedEntry } from '../pool/state/pool-state.ts';
import type { RefreshProgress } from './report.ts';

export interface RefreshOptions {
  /** How many fresh clones there shall be, 0 to 1000; absent: as the last refresh was told, at first 10. */
  readonly count?: number;
  /** Replace fresh clones too. */
  readonly force?: boolean;
  /** Only clean up. */
  readonly skipCreate?: boolean;
  readonly onProgress?: (progress: RefreshProgress) => void;
  /** These became fresh. */
  readonly onFresh?: (ids: readonly string[]) => void;
  /** The holder of this lease was dead, and its clone is retired now. Who ran there can still be read. */
  readonly onRetired?: (lease: LeasedEntry) => void;
  /** Retired clones were destroyed, in one go that took so long. */
  readonly onDestroyed?: (durationMs: number) => void;
  /** Say in the report nothing of who holds the clones that would not go. */
  readonly skipHolders?: boolean;
  /** How many wait for a clone right now, beside the runs that say so in the pool's directory: clones for them are made before anything else. */
  readonly waiting?: () => number;
  /** Told once of a wait that takes longer than a second, what for. No full sentence. */
  readonly onWaiting?: (message: string) => void;
  readonly signal?: AbortSignal;
  /** How long to wait for another refresh of the same pool; default 60 s. */
  readonly lockWaitMs?: number;
}
