import { userInfo } from 'node:os';

/**
 * The caller's home directory, an absolute path: $HOME, or the home in the user database if HOME is unset, empty or relative (as the XDG
 * Base Directory Specification treats its own variables). Null: the user has none. The path may not exist.
 */
export function findHome(environment: Readonly<Record<string, string | undefined>>): string | null {
  const home = environment['HOME'];
  if (home?.startsWith('/') === true) return home;
  try {
    const { homedir } = userInfo();
    return homedir.startsWith('/') ? homedir : null;
  } catch {
    // An id without a name.
    return null;
  }
}
