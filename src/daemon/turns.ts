import { createRounds } from './rounds.ts';

/** Resolves when it is the turn of one of the user's requests. */
export type TakeTurn = (uid: number) => Promise<void>;

/**
 * Turns that go round among users, one each time round the event loop: a user who floods the daemon with requests delays
 * another's by one of them, however many there are. A request that comes alone does not wait. No turn comes before what
 * `pause` returns has settled; null: nothing stands in the way.
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
