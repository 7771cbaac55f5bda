import { linkSync, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IsolateError } from '../error.ts';
import { formatHolder, type HolderId, isAlive, parseHolder } from '../pool/holder.ts';
import { readDirectory } from '../pool/read-directory.ts';
import type { TemplateContext } from './context.ts';
import { makeIn } from './no-space.ts';
import { findOutliving, isAtWork } from './outliving.ts';

/** A sweep holds a lock for a moment. */
const patienceMs = 300;
/** The same for what a dead holder started: its input has ended, and it is about to end too. */
const outlivingPatienceMs = 5000;
const pauseMs = 20;

/** Runs `action` while no other process changes the template. Throws `template-busy` with the process that does. */
export async function withTemplateLock<T>(path: string, template: string, context: TemplateContext, action: () => Promise<T>): Promise<T> {
  const { holder } = context;
  const startMs = performance.now();
  for (let other = tryLock(path, context); other !== null; other = tryLock(path, context)) {
    if (performance.now() - startMs > (other.isHolder ? patienceMs : outlivingPatienceMs)) {
      const message = `The template ${template} is being changed by process ${other.pid}.`;
      throw new IsolateError('template-busy', message, { hint: 'try again when it has ended' });
    }
    await sleep(pauseMs);
  }
  try {
    return await action();
  } finally {
    unlock(path, holder);
  }
}

/** A living process that has a lock: its holder, or what a dead holder started. */
interface Owner {
  readonly pid: number;
  readonly isHolder: boolean;
}

/**
 * Takes the lock at `path`; the answer is the living process that has it, or null. The lock is a file with two names: `path`, which only
 * one process can make (link(2)), and `path.HOLDER`. So at no moment is there a lock whose holder is unknown. Taking over a dead holder's
 * lock is a rename of its second name, which only one process can do.
 */
function tryLock(path: string, context: TemplateContext): Owner | null {
  const { holder } = context;
  const own = `${path}.${formatHolder(holder)}`;
  for (;;) {
    const taken = readHolder(path);
    if (taken === null) {
      if (attempt('EEXIST', () => makeLock(path, own))) return null;
    } else if (taken.holder !== 'unknown') {
      if (isAlive(taken.holder, holder.bootId)) return { pid: taken.holder.pid, isHolder: true };
      const program = findOutliving(taken.holder, context);
      if (program !== null) return { pid: program, isHolder: false };
      if (attempt('ENOENT', () => renameSync(taken.file, own))) return null;
    }
  }
}

function makeLock(path: string, own: string): void {
  makeIn(dirname(path), 'file', () => writeFileSync(own, '', { mode: 0o600 }));
  try {
    linkSync(own, path);
  } catch (error) {
    rmSync(own, { force: true });
    throw error;
  }
}

/** The first name goes first, so that what a kill leaves is no lock. */
function unlock(path: string, holder: HolderId): void {
  rmSync(path, { force: true });
  rmSync(`${path}.${formatHolder(holder)}`, { force: true });
}

type Taken = { readonly holder: HolderId; readonly file: string } | { readonly holder: 'unknown' };

/** Who has the lock; null: nobody. `unknown`: it changed hands while it was read. */
function readHolder(path: string): Taken | null {
  const lock = lstatSync(path, { throwIfNoEntry: false });
  if (lock === undefined) return null;
  const prefix = `${basename(path)}.`;
  for (const name of readDirectory(dirname(path))) {
    const holder = name.startsWith(prefix) ? parseHolder(name.slice(prefix.length)) : null;
    const file = join(dirname(path), name);
    if (holder !== null && lstatSync(file, { throwIfNoEntry: false })?.ino === lock.ino) return { holder, file };
  }
  // Somebody removed the other name by hand.
  if (lock.nlink === 1) rmSync(path, { force: true });
  return { holder: 'unknown' };
}

/** false: it failed with this error, because another process was quicker. */
function attempt(code: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false;
    throw error;
  }
}

/** Removes the locks of dead processes in a directory. They are in nobody's way, but they are rubbish. */
export function freeDeadLocks(directory: string, context: TemplateContext): void {
  const { holder, facts } = context;
  for (const entry of readDirectory(directory)) {
    const [, lock, text] = /^(.+\.lock)\.(.+)$/.exec(entry) ?? [];
    const dead = parseHolder(text ?? '');
    if (lock === undefined || dead === null || isAtWork(dead, context)) continue;
    const file = join(directory, entry);
    if (lstatSync(file, { throwIfNoEntry: false })?.uid !== facts.user.uid) continue;
    const path = join(directory, lock);
    if (readHolder(path) !== null && tryLock(path, context) === null) unlock(path, holder);
    rmSync(file, { force: true });
  }
}
