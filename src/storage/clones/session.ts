import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { toSystemFailure } from '../../process/system-error.ts';
import { flushDirectory, replaceDurably } from './durable.ts';
import type { CloneKind } from './kind.ts';
import { noteTemplate } from './note.ts';

/** In the directory of a clone: the text of its session, and what its last run was. */
const [fileName, lastRunName] = ['session', 'last-run'];

/** Keeps a clone. Throws what the system says. */
export async function keepClone({ layout, template, flush }: CloneKind, id: string, session: string): Promise<void> {
  const directory = layout.clone(id, 'live');
  try {
    await flush(directory);
    await noteTemplate(layout, template);
    await replaceDurably(join(directory, fileName), session);
    await flushDirectory(dirname(directory));
  } catch (error) {
    throw toSystemFailure(error) ?? error;
  }
}

/** Writes what the last run in a kept clone was. Throws what the system says. */
export async function noteLastRun({ layout }: CloneKind, id: string, lastRun: string): Promise<void> {
  try {
    await replaceDurably(lastRunFile(layout.clone(id, 'live')), lastRun);
  } catch (error) {
    throw toSystemFailure(error) ?? error;
  }
}

export async function forgetClone({ layout }: CloneKind, id: string): Promise<void> {
  await rm(join(layout.clone(id, 'live'), fileName), { force: true });
}

/** null: the clone in this directory is not kept. */
export function readSession(directory: string): string | null {
  return readText(join(directory, fileName));
}

/** null: there was no other run than the first. */
export function readLastRun(directory: string): string | null {
  return readText(lastRunFile(directory));
}

/** In the directory of a kept clone. */
export function lastRunFile(directory: string): string {
  return join(directory, lastRunName);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
