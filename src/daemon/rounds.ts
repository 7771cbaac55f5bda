/** A queue that serves users in turn, and each user's items in order. */
export interface Rounds<Item> {
  readonly push: (uid: number, item: Item) => void;
  /** The item whose turn it is; undefined: nobody waits. */
  readonly peek: () => Item | undefined;
  /** Removes the item that `peek` shows; its user's next item comes after one of each other user. */
  readonly shift: () => Item | undefined;
  /** Removes an item that no longer waits; its user keeps its place. */
  readonly remove: (uid: number, item: Item) => void;
  readonly size: () => number;
  readonly all: () => readonly Item[];
}

/** An empty queue. */
export function createRounds<Item>(): Rounds<Item> {
  // A map keeps its order: the first user has its turn, and goes to the end.
  const users = new Map<number, Set<Item>>();
  let size = 0;

  function first(): readonly [number, Set<Item>, Item] | undefined {
    const [user] = users;
    if (user === undefined) return undefined;
    const [item] = user[1] as Set<Item> & Iterable<Item>;
    return [...user, item as Item];
  }

  function remove(uid: number, item: Item): void {
    const items = users.get(uid);
    if (items?.delete(item) !== true) return;
    size -= 1;
    if (items.size === 0) users.delete(uid);
  }

  return {
    push: (uid, item) => {
      const items = users.get(uid) ?? new Set();
      users.set(uid, items.add(item));
      size += 1;
    },
    peek: () => first()?.[2],
    shift: () => {
      const next = first();
      if (next === undefined) return undefined;
      const [uid, items, item] = next;
      remove(uid, item);
      users.delete(uid);
      if (items.size > 0) users.set(uid, items);
      return item;
    },
    remove,
    size: () => size,
    all: () => [...users.values()].flatMap((items) => [...items]),
  };
}
