import { realpathSync, statSync } from 'node:fs';

import { canIdmap } from '../probe.ts';
import { isReachableByOthers } from '../reachable.ts';
import { type Check, ok } from './check.ts';

/** A directory given by -t: whether sandboxes can run on it, and who else gets at what they leave there. */
export function checkTemplate(path: string, uid: number): Check {
  const id = 'template';
  try {
    const real = realpathSync(path);
    const stats = statSync(real);
    if (!stats.isDirectory()) return { id, state: 'missing', fact: `${path} is not a directory` };
    if (uid === 0 && !canIdmap(real, stats)) {
      return { id, state: 'limited', fact: `${path} cannot be mounted idmapped: its files must belong to a range of ids of their own` };
    }
    if (uid === 0 && isReachableByOthers(real)) {
      return {
        id,
        state: 'limited',
        fact: `other users reach ${path}, so it cannot be written by a sandbox of root's`,
        mend: 'move it below a directory with mode 0700, or mount it nosuid',
      };
    }
    return ok(id, `${path} can be a root`);
  } catch (error) {
    return { id, state: 'missing', fact: `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}
