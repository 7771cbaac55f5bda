/** The files of a tree: a description by path, which differs where the file does. */
export type Listing = ReadonlyMap<string, string>;

/** What happened to a tree between two listings; sorted paths from its root, without a leading slash. */
export interface Difference {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Reads pairs of a path and its description, each with a NUL after it. */
export function parseListing(text: string): Listing {
  const listing = new Map<string, string>();
  // Without a list of all parts beside the map: there may be millions.
  for (let from = 0; from < text.length;) {
    const middle = text.indexOf('\0', from);
    const end = middle < 0 ? -1 : text.indexOf('\0', middle + 1);
    if (end < 0) break;
    listing.set(text.slice(from, middle), text.slice(middle + 1, end));
    from = end + 1;
  }
  return listing;
}

export function compareListings(before: Listing, after: Listing): Difference {
  return {
    added: [...after.keys()].filter((path) => !before.has(path)).toSorted(),
    changed: [...after].flatMap(([path, description]) => (before.has(path) && before.get(path) !== description ? [path] : [])).toSorted(),
    removed: [...before.keys()].filter((path) => !after.has(path)).toSorted(),
  };
}

export function isSame({ added, changed, removed }: Difference): boolean {
  return added.length + changed.length + removed.length === 0;
}
