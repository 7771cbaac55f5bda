/** How often it is told how far long work is. */
export const progressMs = 250;

/** Passes on numbers of bytes, but not all that come in quick succession. */
export function nowAndThen(tell: (bytes: number) => void): (bytes: number) => void {
  let toldMs = 0;
  return (bytes) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < progressMs) return;
    toldMs = nowMs;
    tell(bytes);
  };
}
