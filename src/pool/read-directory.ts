import { readdirSync } from 'node:fs';

/** The names in a directory, sorted so that smaller ids come first; none if it does not exist. */
export function readDirectory(path: string): string[] {
  try {
    return readdirSync(path).sort((left, right) => left.length - right.length || (left < right ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
