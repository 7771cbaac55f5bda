import { readdirSync } from 'node:fs';
import { whyNotTemplateName } from '../template-ref.ts';

/** The names of the templates in a directory, sorted; none if this caller may not look, because then it cannot use any of them either. */
export function listDirectoryNames(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() && whyNotTemplateName(entry.name) === null ? [entry.name] : [])).toSorted();
  } catch {
    return [];
  }
}
