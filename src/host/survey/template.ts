import { realpathSync, statSync } from 'node:fs';

import { canIdmap } from '../path-facts.ts';
import { isReachableByOthers } from '../reachable.ts';
import { type Check, ok } from './check.ts';
import type { Rights } from '../rights.ts';

/** A directory given by -t: whether sandboxes can run on it, and who else can reach what they leave there. */
export function checkTemplate(path: string, rights: Rights): Check {
  const id = 'template';
  try {
    const real = realpathSync(path);
    const stats = statSync(real);
    if (!stats.isDirectory()) return { id, state: 'missing', fact: `${path} is not a directory` };
    if (rights === 'root' && !canIdmap(real, stats)) {
      return {
        id,
        state: 'limited',
        fact: `${path} cannot be mounted idmapped: its files must belong to a range of ids of their own`,
        hint: 'move it to ext4, xfs, btrfs or OpenZFS 2.2',
      };
    }
    if (rights === 'root' && isReachableByOthers(real)) {
      return {
        id,
        state: 'limited',
        fact: `other users reach ${path}, so root's sandboxes cannot write to it`,
        hint: 'move it below a directory with mode 0700, or mount it nosuid',
      };
    }
    return ok(id, `${path} can be a root`);
  } catch (error) {
    return { id, state: 'missing', fact: describeFailure(path, (error as NodeJS.ErrnoException).code) };
  }
}

function describeFailure(path: string, code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return `there is no directory ${path}`;
    case 'EACCES':
      return `you may not look into ${path}`;
    default:
      return `${path} cannot be read: ${code ?? 'unknown error'}`;
  }
}
