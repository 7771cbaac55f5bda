import { closeSync, constants, lstatSync, openSync, readlinkSync, type Stats } from 'node:fs';

import { IsolateError } from '../error.ts';
import type { TreeReader } from './resolve-beneath.ts';

/** Node has no name for it (open(2)). */
const O_PATH = 0o10000000;
const place = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** So many directories are held at a time. */
const mostParts = 64;

/**
 * Reads a tree in which somebody else may be exchanging directories for links: every part of a path is opened in the one before, and a
 * link is never followed. Throws `bad-bind` for what is deeper than 64 directories. To be closed.
 */
export function readHeldTree(root: string): TreeReader & { readonly close: () => void } {
  const open: { readonly name: string; readonly descriptor: number }[] = [{ name: '', descriptor: openSync(root, place) }];

  function placeOf(parts: readonly string[]): string {
    if (parts.length >= mostParts)
      throw new IsolateError('bad-bind', `Paths through more than ${mostParts} directories are not looked up.`);
    const same = parts.findIndex((part, index) => open[index + 1]?.name !== part);
    for (const { descriptor } of open.splice(1 + (same < 0 ? parts.length : same))) closeSync(descriptor);
    for (const name of parts.slice(open.length - 1)) open.push({ name, descriptor: openSync(`${inside()}/${name}`, place) });
    return inside();
  }

  function inside(): string {
    return `/proc/self/fd/${open.at(-1)?.descriptor ?? -1}`;
  }

  return {
    look: (parts, name): Stats | undefined => lstatSync(`${placeOf(parts)}/${name}`, { throwIfNoEntry: false }),
    readLink: (parts, name) => readlinkSync(`${placeOf(parts)}/${name}`),
    close: () => {
      for (const { descriptor } of open.splice(0)) closeSync(descriptor);
    },
  };
}
