import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { IsolateError } from '../error.ts';
import { type Lock, lockHolders, tryLock } from '../pool/claims/lock.ts';
import { isAlive, parseHolder } from '../pool/holder.ts';
import { readDirectory } from '../pool/read-directory.ts';
import type { TemplateContext } from './context.ts';

/** Runs `action` while no other process changes the template. Throws `template-busy` with the process that does. */
export async function withTemplateLock<T>(
  path: string,
  template: string,
  { holder }: TemplateContext,
  action: () => Promise<T>,
): Promise<T> {
  const lock = await take(path, template, holder);
  try {
    return await action();
  } finally {
    await lock.release();
  }
}

async function take(path: string, template: string, holder: TemplateContext['holder']): Promise<Lock> {
  const lock = await tryLock(path, holder);
  if (lock !== null) return lock;
  const pids = lockHolders(path, holder.bootId);
  const whose = pids.length === 0 ? 'another process' : `process ${pids.join(', ')}`;
  throw new IsolateError('template-busy', `The template ${template} is being changed by ${whose}.`, {
    hint: 'try again when it has ended',
  });
}

/** Frees the locks of dead processes in a directory. They are in nobody's way, but they are rubbish. */
export async function freeDeadLocks(directory: string, { holder, facts }: TemplateContext): Promise<void> {
  for (const entry of readDirectory(directory)) {
    const [, lock, text] = /^(.+\.lock)\.(.+)$/.exec(entry) ?? [];
    const dead = parseHolder(text ?? '');
    if (lock === undefined || dead === null || isAlive(dead, holder.bootId)) continue;
    if (lstatSync(join(directory, entry), { throwIfNoEntry: false })?.uid !== facts.user.uid) continue;
    const taken = await tryLock(join(directory, lock), holder);
    await taken?.release();
  }
}
