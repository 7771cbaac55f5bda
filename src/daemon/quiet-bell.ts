/** A bell that sounds when nobody has rung it for a moment. */
export interface QuietBell {
  readonly ring: () => void;
  /** It no longer sounds. */
  readonly end: () => void;
}

/**
 * A refresh takes time of the storage from the runs, so while most of a pool is fresh it waits until nothing has happened for this long,
 */
const quietMs = 100;
/** but no longer than this. */
const longestQuietMs = 1_000;

/** Calls `onRing`. */
export function createQuietBell(onRing: () => void): QuietBell {
  let timer: NodeJS.Timeout | null = null;
  let sinceMs: number | null = null;
  return {
    ring: () => {
      const nowMs = performance.now();
      sinceMs ??= nowMs;
      clearTimeout(timer ?? undefined);
      timer = setTimeout(
        () => {
          sinceMs = null;
          onRing();
        },
        Math.min(quietMs, Math.max(sinceMs + longestQuietMs - nowMs, 0)),
      );
    },
    end: () => clearTimeout(timer ?? undefined),
  };
}
