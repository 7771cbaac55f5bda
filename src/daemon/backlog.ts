/**
 * Counts a request of the user's that is worked on or waits; what it returns counts it off. Null: the user has too much under way
 * already. Root has no limit.
 */
export type TakeRoom = (uid: number, bytes: number) => (() => void) | null;

/** A few of the longest requests there can be, or hundreds of usual ones. What a request takes in the end is up to ten times its frame. */
const userBytes = 4 * 1024 * 1024;

/** A limit to what the requests of one user take of the daemon's memory, over all of its connections. */
export function createBacklog(): TakeRoom {
  const taken = new Map<number, number>();
  return (uid, bytes) => {
    const before = taken.get(uid) ?? 0;
    if (uid !== 0 && before + bytes > userBytes) return null;
    taken.set(uid, before + bytes);
    return () => {
      const left = (taken.get(uid) ?? 0) - bytes;
      if (left > 0) taken.set(uid, left);
      else taken.delete(uid);
    };
  };
}
