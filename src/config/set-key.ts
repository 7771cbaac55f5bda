import { locateKeys } from './locate.ts';

/**
 * A TOML text in which the key before all tables has this string as value, and everything else is as it was. null: the value that it has
 * does not end where its line ends, so only its user can change it.
 */
export function setTopKey(text: string, key: string, value: string): string | null {
  const lines = text.split('\n');
  const entry = `${key} = ${JSON.stringify(value)}`;
  const place = locateKeys(text).find(({ path }) => path.length === 1 && path[0] === key);
  if (place !== undefined) {
    const index = place.line - 1;
    const found = wholeLine.exec(lines[index] ?? '');
    return found === null ? null : lines.with(index, `${entry}${found[1] ?? ''}`).join('\n');
  }
  // In the place of an example, or before everything that could be a table.
  const example = lines.findIndex((line) => line.startsWith(`#${key} = `));
  const firstTable = lines.findIndex((line) => /^\s*\[/.test(line));
  if (example >= 0 && (firstTable < 0 || example < firstTable)) return lines.with(example, entry).join('\n');
  return [entry, ...lines].join('\n');
}

/** A bare key with a string in quotes, and a comment. */
const wholeLine = /^\s*[A-Za-z0-9_-]+\s*=\s*(?:"(?:\\.|[^"\\])*"|'[^']*')(\s*#.*|\s*)$/;
