/** Resolves when it is the turn of one of the user's requests. */
export type TakeTurn = (uid: number) => Promise<void>;

/**
 * Turns that go round among users, one each time round the event loop: who floods the daemon with requests delays another's
 * by one of them, however many there are. A request that comes alone does not wait.
 */
export function createTurns(): TakeTurn {
  const waiting = new Map<number, (() => void)[]>();
  let isGoing = false;

  function next(): void {
    const [first] = waiting;
    isGoing = first !== undefined;
    if (first === undefined) return;
    const [uid, queue] = first;
    const go = queue.shift();
    // A map keeps its order: the user goes to its end.
    waiting.delete(uid);
    if (queue.length > 0) waiting.set(uid, queue);
    go?.();
    setImmediate(next);
  }

  return (uid) => {
    if (!isGoing) {
      isGoing = true;
      setImmediate(next);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const queue = waiting.get(uid);
      if (queue === undefined) waiting.set(uid, [resolve]);
      else queue.push(resolve);
    });
  };
}
