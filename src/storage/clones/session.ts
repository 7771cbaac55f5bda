import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { toSystemFailure } from '../../process/system-error.ts';
import type { CloneKind } from './kind.ts';

/** In the directory of a clone; it has the text of the session. */
const fileName = 'session';

/** Keeps a clone. Throws what the system says. */
export async function keepClone({ layout, flush }: CloneKind, id: string, session: string): Promise<void> {
  const directory = layout.clone(id, 'live');
  const [file, temporary] = [join(directory, fileName), join(directory, `${fileName}.new`)];
  try {
    await flush(directory);
    await writeDurably(temporary, session);
    await rename(temporary, file);
    await flushDirectory(directory);
    await flushDirectory(dirname(directory));
  } catch (error) {
    throw toSystemFailure(error) ?? error;
  }
}

export async function forgetClone({ layout }: CloneKind, id: string): Promise<void> {
  await rm(join(layout.clone(id, 'live'), fileName), { force: true });
}

/** null: the clone in this directory is not kept. */
export async function readSession(directory: string): Promise<string | null> {
  try {
    return await readFile(join(directory, fileName), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function flushDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
