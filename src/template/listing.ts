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
  const parts = text.split('\0');
  const listing = new Map<string, string>();
  for (let index = 0; index + 1 < parts.length; index += 2) listing.set(parts[index] ?? '', parts[index + 1] ?? '');
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
