import { lstatSync, readlinkSync, type Stats } from 'node:fs';

import { IsolateError } from '../error.ts';

/** As many as the kernel follows (path_resolution(7)). */
const mostLinks = 40;

/**
 * The path that `target` really is in the tree at `root`, without symbolic links: absolute links and `..` end at the
 * tree's own root, as after chroot(2). What does not exist yet is kept as it stands. Throws `bad-bind` where a component
 * is neither a directory nor a link, and for a loop. For trees that nobody else changes meanwhile. `hidden` are paths in the
 * tree that something else is mounted over: what the tree has below them is not looked at.
 */
export function resolveBeneath(root: string, target: string, hidden: readonly string[] = []): string {
  const waiting = split(target);
  const resolved: string[] = [];
  // How much of it is known to be missing from where on; nothing below that is looked for.
  let missing = Infinity;
  for (let links = 0; ;) {
    const component = waiting.shift();
    if (component === undefined) return `/${resolved.join('/')}`;
    if (component === '..') {
      resolved.pop();
      if (resolved.length <= missing) missing = Infinity;
      continue;
    }
    if (resolved.length > missing) {
      resolved.push(component);
      continue;
    }
    const inside = `/${[...resolved, component].join('/')}`;
    const path = `${root}${inside}`;
    const isHidden = hidden.some((mountpoint) => inside === mountpoint || inside.startsWith(`${mountpoint}/`));
    const stats = isHidden ? undefined : look(path, target);
    if (stats?.isSymbolicLink() === true) {
      links += 1;
      if (links > mostLinks) throw new IsolateError('bad-bind', `${target} leads through too many symbolic links in ${root}.`);
      const link = readlinkSync(path);
      if (link.startsWith('/')) resolved.length = 0;
      waiting.unshift(...split(link));
      continue;
    }
    if (stats !== undefined && !stats.isDirectory() && waiting.length > 0) {
      throw new IsolateError('bad-bind', `${path} is not a directory, so ${target} cannot be a place for a bind.`);
    }
    if (stats === undefined && !isHidden) missing = resolved.length;
    resolved.push(component);
  }
}

function look(path: string, target: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw cause;
    throw new IsolateError('bad-bind', `${target} is longer than a path can be.`, { cause });
  }
}

function split(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}
