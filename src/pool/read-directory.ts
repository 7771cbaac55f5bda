import { readdirSync } from 'node:fs';

/** Names in a directory, sorted so that of two ids the smaller comes first; none if it is not there. */
export function readDirectory(path: string): string[] {
  try {
    return readdirSync(path).sort((left, right) => left.length - right.length || (left < right ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
