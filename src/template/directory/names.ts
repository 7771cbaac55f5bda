import { readdirSync } from 'node:fs';
import { whyNotTemplateName } from '../template-ref.ts';

/** The names of the templates in a directory, sorted. null: this caller may not look. */
export function listDirectoryNames(path: string): readonly string[] | null {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() && whyNotTemplateName(entry.name) === null ? [entry.name] : [])).toSorted();
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') ? [] : null;
  }
}
