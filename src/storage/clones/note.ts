import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { makeDirectories } from '../../process/make-directories.ts';
import { replaceDurably } from './durable.ts';
import type { CloneLayout } from './layout.ts';

/** In a directory of a template's clones; it names the template in full. */
const fileName = 'template';
/** Beside it, where the clones are not in the same directory: says where they are. */
const besideName = `${fileName}.clones`;

/** Notes the template wherever its clones are looked for. Throws what the system says. */
export async function noteTemplate({ directory, noted }: Pick<CloneLayout, 'directory' | 'noted'>, template: string): Promise<void> {
  // What says where the clones are comes first: without it, a note says that they are where it is.
  const beside = directory === noted ? [] : [[join(noted, besideName), directory] as const];
  const notes = [...new Set([directory, noted])].map((place) => [join(place, fileName), template] as const);
  for (const [file, path] of [...beside, ...notes]) {
    if (readPath(file) === path) continue;
    makeDirectories(dirname(file), 0o700);
    await replaceDurably(file, `${path}\n`);
  }
}

/** The template that is noted in a directory; null: none. */
export function readNote(directory: string): string | null {
  return readPath(join(directory, fileName));
}

/** Where the clones are of the template that is noted in a directory, if they are not there; null: they are, or nothing is noted. */
export function readBeside(noted: string): string | null {
  return readPath(join(noted, besideName));
}

function readPath(file: string): string | null {
  try {
    const text = readFileSync(file, 'utf8');
    return text.startsWith('/') && text.endsWith('\n') ? text.slice(0, -1) : null;
  } catch {
    return null;
  }
}

/**
 * Removes the places of a template's clones, unless there are any, with what notes the template. A run that makes its clone at the same
 * time makes the places again.
 */
export async function removeEmptyPlaces(layout: Pick<CloneLayout, 'directory' | 'noted'>, template: string): Promise<void> {
  const { directory, noted } = layout;
  // Last, because it leads to the others.
  for (const place of new Set([directory, noted])) {
    if (!namesIn(place).every(isNote)) return;
    for (const name of namesIn(place).filter(isNote)) rmSync(join(place, name), { force: true });
    try {
      await rmdir(place);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') continue;
      if (code !== 'ENOTEMPTY') throw error;
      await noteTemplate(layout, template);
      return;
    }
  }
}

/** What a crash left of one counts too. */
function isNote(name: string): boolean {
  return name === fileName || name.startsWith(`${fileName}.`);
}

/** None where there is no directory. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
