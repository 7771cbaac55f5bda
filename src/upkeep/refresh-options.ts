import type { LeasedEntry } from '../pool/state/pool-state.ts';
import type { SeenClones } from '../session/mend.ts';
import type { RefreshProgress } from './report.ts';

export interface RefreshOptions {
  /** The wanted number of fresh clones, 0 to 1000; absent: the number of the last refresh, at first 10. */
  readonly count?: number;
  /** Replace fresh clones too. */
  readonly force?: boolean;
  /** Only clean up. */
  readonly skipCreate?: boolean;
  readonly onProgress?: (progress: RefreshProgress) => void;
  /** The clones that there are, before anything is done about them. */
  readonly onListed?: (seen: SeenClones) => void;
  /** These became fresh. */
  readonly onFresh?: (ids: readonly string[]) => void;
  /** The holder of this lease was dead, and its clone is now retired. Whose run it was can still be read. */
  readonly onRetired?: (lease: LeasedEntry) => void;
  /** A batch of retired clones was destroyed, which took this long. */
  readonly onDestroyed?: (durationMs: number) => void;
  /** Leave the holders of busy clones out of the report. */
  readonly skipHolders?: boolean;
  /** How many wait for a clone now, in addition to the runs that announce it in the pool's directory; clones for them are made first. */
  readonly waiting?: () => number;
  /** Called once with the reason of a wait of more than a second; not a full sentence. */
  readonly onWaiting?: (message: string) => void;
  readonly signal?: AbortSignal;
  /** How long to wait for another refresh of the same pool; default 60 s. */
  readonly lockWaitMs?: number;
}
