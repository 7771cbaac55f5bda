import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { PoolFiles } from '../pool/pool.ts';
import { parseRetiredState } from '../pool/state-file.ts';

/** Clones that would not go after their lease had ended, because somebody still has a file or a mount of them. */
export interface HeldBack {
  /** The user's lease of the clone has ended. */
  readonly ended: (template: string, clone: string, uid: number) => void;
  /** The pool was refreshed: what was tried to be destroyed is gone or held back. */
  readonly refreshed: (pool: Pick<PoolFiles, 'template' | 'paths'>) => void;
}

/**
 * Whoever holds clones back has them counted, by `count`, as clones in use until they are gone; what `count` returns counts one
 * off. Root's are not. As many clones are remembered as there are between the end of their leases and their own.
 */
export function createHeldBack(count: (uid: number) => () => void): HeldBack {
  const templates = new Map<string, Map<string, Entry>>();
  return {
    ended: (template, clone, uid) => {
      if (uid === 0) return;
      const clones = templates.get(template) ?? new Map<string, Entry>();
      templates.set(template, clones.set(clone, { uid, countOff: null }));
    },
    refreshed: ({ template, paths }) => {
      const clones = templates.get(template);
      for (const [clone, entry] of clones ?? []) {
        const attempts = readAttempts(join(paths.retired, clone));
        if (attempts === null) {
          entry.countOff?.();
          clones?.delete(clone);
        } else if (attempts > 0) {
          entry.countOff ??= count(entry.uid);
        }
      }
      if (clones?.size === 0) templates.delete(template);
    },
  };
}

interface Entry {
  readonly uid: number;
  countOff: (() => void) | null;
}

/** How often it was tried to destroy the clone; null: it is gone. */
function readAttempts(path: string): number | null {
  try {
    return parseRetiredState(readFileSync(path, 'utf8')).attempts;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 0;
  }
}
