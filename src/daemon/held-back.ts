import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { logEvent } from '../log.ts';
import { poolPaths, type RuntimePaths } from '../pool/paths.ts';
import type { PoolFiles } from '../pool/pool.ts';
import { isCloneId, parseRetiredRecord } from '../pool/state/state-file.ts';
import { rightsOf } from '../host/rights.ts';

/** Clones that could not be destroyed after their lease had ended, because a process still holds a file or mount in them. */
export interface HeldBack {
  /** The user's lease of the clone has ended. */
  readonly ended: (template: string, clone: string, uid: number) => void;
  /** The pool was refreshed: every clone that was to be destroyed is gone or held back. */
  readonly refreshed: (pool: Pick<PoolFiles, 'template' | 'paths'>) => void;
  /** Writes down what is known now, for the next daemon. */
  readonly save: () => void;
}

/**
 * Until it is gone, a held-back clone counts (`count`) as in use by the user who leased it; the function that `count` returns uncounts
 * it. Root's do not count. A file in `runtime` tells the next daemon whose they are. A clone is remembered from the end of its lease
 * until it is destroyed.
 */
export function createHeldBack(count: (uid: number) => () => void, runtime: RuntimePaths): HeldBack {
  const file = join(runtime.root, 'held-back');
  const templates = new Map<string, Map<string, Entry>>();

  function remember(template: string, clone: string, entry: Entry): void {
    const clones = templates.get(template) ?? new Map<string, Entry>();
    templates.set(template, clones.set(clone, entry));
  }

  function save(): void {
    const entries = [...templates].flatMap(([template, clones]) => [...clones].map(([clone, { uid }]) => ({ template, clone, uid })));
    attempt(file, () => {
      writeFileSync(`${file}.new`, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    });
  }

  for (const { template, clone, uid } of readEntries(file)) {
    const isThere = readAttempts(join(poolPaths(runtime, template).retired, clone)) !== null;
    if (isThere) remember(template, clone, { uid, countOff: count(uid) });
  }
  return {
    ended: (template, clone, uid) => {
      if (rightsOf(uid) === 'user') remember(template, clone, { uid, countOff: null });
    },
    refreshed: ({ template, paths }) => {
      const clones = templates.get(template);
      let isChanged = false;
      for (const [clone, entry] of clones ?? []) {
        const attempts = readAttempts(join(paths.retired, clone));
        if (attempts === null) {
          isChanged ||= entry.countOff !== null;
          entry.countOff?.();
          clones?.delete(clone);
        } else if (attempts > 0 && entry.countOff === null) {
          isChanged = true;
          entry.countOff = count(entry.uid);
        }
      }
      if (clones?.size === 0) templates.delete(template);
      if (isChanged) save();
    },
    save,
  };
}

interface Entry {
  readonly uid: number;
  countOff: (() => void) | null;
}

interface SavedEntry {
  readonly template: string;
  readonly clone: string;
  readonly uid: number;
}

function readEntries(file: string): readonly SavedEntry[] {
  let text = '';
  attempt(file, () => {
    text = readFileSync(file, 'utf8');
  });
  return text.split('\n').flatMap((line) => parseEntry(line) ?? []);
}

function parseEntry(line: string): SavedEntry | null {
  try {
    const { template, clone, uid } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof template !== 'string' || typeof clone !== 'string' || !isCloneId(clone)) return null;
    return Number.isSafeInteger(uid) && Number(uid) > 0 ? { template, clone, uid: Number(uid) } : null;
  } catch {
    return null;
  }
}

/** Without the file, quotas are less strict after a restart; nothing else depends on it. */
function attempt(file: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') logEvent('warn', { event: 'state' }, `${file} cannot be used: ${message}.`);
  }
}

/** How many times destroying the clone was tried; null: it is gone. */
function readAttempts(path: string): number | null {
  try {
    return parseRetiredRecord(readFileSync(path, 'utf8')).attempts;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 0;
  }
}
