import { IsolateError } from '../error.ts';
import { type Lock, lockHolders, tryLock } from '../pool/claims/lock.ts';
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
