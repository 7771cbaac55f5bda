import { readFileSync } from 'node:fs';

/** The text of a small file; null if it cannot be read, because a missing kernel file means a missing feature. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
