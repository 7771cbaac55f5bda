import { userInfo } from 'node:os';

/**
 * The caller's home directory, absolute: $HOME, or what the user database says where that is not set, empty or relative (as the
 * XDG Base Directory Specification treats its own variables). Null: the user has none. The path may not exist.
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
