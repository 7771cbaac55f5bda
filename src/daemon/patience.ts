/** How long to wait for something that is being made. */
export interface Patience {
  /**
   * Calls `giveUp` with the milliseconds that have passed when `waitMs` are over and nothing is being made any more; the returned
   * function cancels this.
   */
  readonly expect: (waitMs: number, giveUp: (waitedMs: number) => void) => () => void;
  /** Something was made. */
  readonly goesOn: () => void;
}

/** The longest time for setTimeout. */
const longestTimerMs = 2_147_483_647;
/** The longest wait beyond `waitMs`, whatever is being made. */
const longestExtraMs = 300_000;
/** Between two batches nothing is being made for a moment. */
const pauseMs = 1_000;
const pollMs = 250;

interface Waiting {
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly giveUp: (waitedMs: number) => void;
}

/** `isMaking` is called only while somebody's time is over. */
export function createPatience(isMaking: () => boolean): Patience {
  /** Those whose time is over. */
  const overdue = new Set<Waiting>();
  let madeMs = Number.NEGATIVE_INFINITY;
  let poll: NodeJS.Timeout | null = null;

  function look(): void {
    poll = null;
    const nowMs = performance.now();
    if (isMaking()) madeMs = nowMs;
    const isOver = nowMs - madeMs > pauseMs;
    for (const one of overdue) {
      if (!isOver && nowMs <= one.lastMs) continue;
      overdue.delete(one);
      one.giveUp(nowMs - one.sinceMs);
    }
    if (overdue.size > 0) poll ??= setTimeout(look, pollMs);
  }

  return {
    expect: (waitMs, giveUp) => {
      const sinceMs = performance.now();
      const one: Waiting = { sinceMs, lastMs: sinceMs + waitMs + longestExtraMs, giveUp };
      const timer = setTimeout(
        () => {
          overdue.add(one);
          if (poll === null) look();
        },
        Math.min(waitMs, longestTimerMs),
      );
      return () => {
        clearTimeout(timer);
        overdue.delete(one);
      };
    },
    goesOn: () => {
      madeMs = performance.now();
    },
  };
}
