import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { makeRandom } from '../../process/random.ts';

/** Gives a file a new text, which a crash of the host does not take back. Throws what the system says. */
export async function replaceDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.${makeRandom()}`;
  try {
    await writeDurably(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await flushDirectory(dirname(path));
}

export async function flushDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
