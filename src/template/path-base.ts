import { type ErrorCode, IsolateError } from '../error.ts';

/** What paths are relative to. */
export interface PathBase {
  readonly workingDirectory: string;
  /** null: the user has none. */
  readonly home: string | null;
}

/** A path with the home in the place of a `~/` at its beginning. Throws an error of this code if there is none. */
export function expandHome(code: ErrorCode, path: string, { home }: Pick<PathBase, 'home'>): string {
  if (!path.startsWith('~/')) return path;
  if (home !== null) return `${home}/${path.slice(2)}`;
  throw new IsolateError(code, `${JSON.stringify(path)} is in your home directory, and you have none.`, { hint: 'set HOME' });
}
