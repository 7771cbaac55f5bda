import { lstatSync, readlinkSync, realpathSync } from 'node:fs';

import { readText } from '../host/read-text.ts';
import { formatHolder, type HolderId, isAlive } from '../pool/holder.ts';
import { readDirectory } from '../pool/read-directory.ts';
import type { TemplateContext } from './context.ts';

const variable = 'ISOLATE_STARTED_BY';

/** The environment of a program that changes a template, by which others find it when only its parent was killed. */
export function outlivingEnvironment(holder: HolderId): Readonly<Record<string, string>> {
  return { [variable]: formatHolder(holder) };
}

/** Whether a process still changes templates, by itself or by a program that it started. */
export function isAtWork(holder: HolderId, context: TemplateContext): boolean {
  return isAlive(holder, context.holder.bootId) || findOutliving(holder, context) !== null;
}

/**
 * A zfs command that a dead process started and that still runs; null: there is none. It must be the caller's own, and zfs itself, because
 * others can give any environment to a set-uid program.
 */
export function findOutliving(holder: HolderId, { facts, holder: { bootId } }: TemplateContext): number | null {
  if (facts.tools.zfs === null || holder.bootId !== bootId) return null;
  const program = realpathSync(facts.tools.zfs);
  const entry = `${variable}=${formatHolder(holder)}`;
  for (const pid of readDirectory('/proc')) {
    if (/^[0-9]+$/.test(pid) && runs(pid, program, facts.user.uid) && readText(`/proc/${pid}/environ`)?.split('\0').includes(entry)) {
      return Number(pid);
    }
  }
  return null;
}

/** false: it has ended. */
function runs(pid: string, program: string, uid: number): boolean {
  try {
    return lstatSync(`/proc/${pid}`).uid === uid && readlinkSync(`/proc/${pid}/exe`) === program;
  } catch {
    return false;
  }
}
