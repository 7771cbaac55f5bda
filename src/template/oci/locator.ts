/** A file or directory, and the name of an image in it; null: none is given. */
export interface Locator {
  readonly path: string;
  readonly name: string | null;
}

/**
 * Splits `PATH[:NAME]`. Both may contain colons, so the longest path that exists is the one; without any it is what stands before the
 * first colon.
 */
export function splitLocator(locator: string, exists: (path: string) => boolean): Locator {
  const splits: Locator[] = [{ path: locator, name: null }];
  for (let at = locator.lastIndexOf(':'); at > 0; at = locator.lastIndexOf(':', at - 1)) {
    if (at < locator.length - 1) splits.push({ path: locator.slice(0, at), name: locator.slice(at + 1) });
  }
  return splits.find(({ path }) => exists(path)) ?? splits.at(-1) ?? { path: locator, name: null };
}
