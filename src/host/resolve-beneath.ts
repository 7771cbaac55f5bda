import { lstatSync, readlinkSync, type Stats } from 'node:fs';

import { IsolateError } from '../error.ts';

/** As many as the kernel follows (path_resolution(7)). */
const mostLinks = 40;

/** Where a path leads in a tree, and what is there; `hidden`: something else is mounted over it. */
export interface Found {
  /** Absolute in the tree, without symbolic links. */
  readonly path: string;
  readonly kind: 'directory' | 'other' | 'missing' | 'hidden';
}

/** How a tree is read: what `name` is in the directory that these parts of a path lead to, and where it leads if it is a link. */
export interface TreeReader {
  /** Undefined: there is nothing. */
  readonly look: (parts: readonly string[], name: string) => Stats | undefined;
  readonly readLink: (parts: readonly string[], name: string) => string;
}

/** For trees that nobody else is changing. */
function readByPath(root: string): TreeReader {
  const pathOf = (parts: readonly string[], name: string): string => `${root}/${[...parts, name].join('/')}`;
  return {
    look: (parts, name) => lstatSync(pathOf(parts, name), { throwIfNoEntry: false }),
    readLink: (parts, name) => readlinkSync(pathOf(parts, name)),
  };
}

/**
 * Resolves `target` in the tree at `root`: absolute links and `..` end at the tree's own root, as after chroot(2). The part that does not
 * exist yet is kept unchanged. Throws `bad-bind` where a component is neither a directory nor a link, for a loop and for a path that is
 * too long, `not-permitted` for a directory that this process may not look into, and `storage-failed` where the file system fails. `hidden` are paths in the tree over which something else is mounted: what the tree has below them
 * is not looked at. `name` is the name of the tree in errors. `reader` reads it; absent: one for trees that nobody else is changing.
 */
export function lookBeneath(
  root: string,
  target: string,
  hidden: readonly string[] = [],
  name = root,
  reader: TreeReader = readByPath(root),
): Found {
  const isHidden = (inside: string): boolean => hidden.some((place) => inside === place || inside.startsWith(`${place}/`));
  const waiting = split(target);
  const resolved: string[] = [];
  // From where on the path is known to be missing; nothing below that is looked up.
  let missing = Infinity;
  let kind: Found['kind'] = 'directory';
  for (let links = 0; ;) {
    const component = waiting.shift();
    if (component === undefined) {
      const path = `/${resolved.join('/')}`;
      return { path, kind: isHidden(path) ? 'hidden' : kind };
    }
    if (component === '..') {
      resolved.pop();
      if (resolved.length <= missing) missing = Infinity;
      kind = resolved.length > missing ? 'missing' : 'directory';
      continue;
    }
    if (resolved.length > missing) {
      resolved.push(component);
      continue;
    }
    const inside = `/${[...resolved, component].join('/')}`;
    const stats = isHidden(inside) ? undefined : look(() => reader.look(resolved, component), inside, name, target);
    if (stats?.isSymbolicLink() === true) {
      links += 1;
      if (links > mostLinks) throw new IsolateError('bad-bind', `${target} passes through too many symbolic links in ${name}.`);
      const link = look(() => reader.readLink(resolved, component), inside, name, target);
      if (link.startsWith('/')) resolved.length = 0;
      waiting.unshift(...split(link));
      kind = 'directory';
      continue;
    }
    if (stats !== undefined && !stats.isDirectory() && waiting.length > 0) {
      throw new IsolateError('bad-bind', notDirectory(inside, name, target));
    }
    if (stats === undefined && !isHidden(inside)) missing = resolved.length;
    kind = stats === undefined ? 'missing' : stats.isDirectory() ? 'directory' : 'other';
    resolved.push(component);
  }
}

/** Only the path that `lookBeneath` finds. */
export function resolveBeneath(root: string, target: string, hidden: readonly string[] = []): string {
  return lookBeneath(root, target, hidden).path;
}

function look<T>(read: () => T, inside: string, name: string, target: string): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof IsolateError) throw cause;
    throw unreadable(inside, name, target, cause as NodeJS.ErrnoException);
  }
}

function unreadable(inside: string, name: string, target: string, cause: NodeJS.ErrnoException): IsolateError {
  const directory = inside.slice(0, inside.lastIndexOf('/'));
  switch (cause.code) {
    case 'ENAMETOOLONG':
      return new IsolateError('bad-bind', `${target} is longer than a path can be.`);
    case 'EACCES':
    case 'EPERM':
      return new IsolateError(
        'not-permitted',
        directory === ''
          ? `${name} cannot be entered by this user.`
          : `${directory} in ${name} cannot be entered by this user, so ${target} cannot be reached.`,
      );
    case 'ENOTDIR':
    case 'ELOOP':
      return new IsolateError('bad-bind', notDirectory(directory, name, target));
    default:
      return new IsolateError('storage-failed', `${inside} in ${name} cannot be read.`, { cause });
  }
}

function notDirectory(path: string, name: string, target: string): string {
  return `${path} in ${name} is not a directory, so ${target} cannot be reached.`;
}

function split(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}
