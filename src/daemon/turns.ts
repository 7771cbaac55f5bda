import { createRounds } from './rounds.ts';

/** Resolves when it is the turn of one of the user's requests. */
export type TakeTurn = (uid: number) => Promise<void>;

/**
 * Gives users turns in rotation, one per round of the event loop: a user who floods the daemon with requests delays another user's
 * request by only one of them. A single request does not wait. No turn comes before the promise that `pause` returns has settled; null:
 * there is nothing to wait for.
 */
export function createTurns(pause: () => Promise<void> | null = () => null): TakeTurn {
  const waiting = createRounds<() => void>();
  let isGoing = false;

  async function next(): Promise<void> {
    await pause();
    const go = waiting.shift();
    isGoing = go !== undefined;
    if (go === undefined) return;
    go();
    setImmediate(() => void next());
  }

  return (uid) => {
    if (!isGoing) {
      isGoing = true;
      setImmediate(() => void next());
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(uid, resolve));
  };
}
