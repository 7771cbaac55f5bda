import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path/posix';

/** The variables that lead to a user's settings and templates (XDG Base Directory Specification). */
export const placeVariables = ['HOME', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'XDG_DATA_HOME'] as const;

/** The name of a project's settings file. */
export const projectFile = '.isolate.toml';

/** Where the settings of a user are. Absolute paths; null: the user has no home. */
export interface UserPlaces {
  readonly home: string | null;
  /** The file itself. */
  readonly settings: string | null;
  /** The directory of what the user has approved. */
  readonly approved: string | null;
}

export function findUserPlaces(environment: Readonly<Record<string, string | undefined>>, home: string | null): UserPlaces {
  const below = (variable: string, usual: string): string | null => {
    const value = environment[variable];
    if (value?.startsWith('/') === true) return value;
    return home === null ? null : join(home, usual);
  };
  const config = below('XDG_CONFIG_HOME', '.config');
  const state = below('XDG_STATE_HOME', '.local/state');
  return {
    home,
    settings: config === null ? null : join(config, 'isolate/config.toml'),
    approved: state === null ? null : join(state, 'isolate/approved'),
  };
}

/** More directories above a working directory are not searched. */
const mostDirectories = 64;

/** Where the file of a project may be, the nearest first: from the working directory up to the home, else to the root. */
export function projectCandidates(cwd: string | null, home: string | null): readonly string[] {
  const candidates: string[] = [];
  for (let directory = cwd; directory !== null && candidates.length < mostDirectories;) {
    candidates.push(join(directory, projectFile));
    directory = directory === '/' || directory === home ? null : dirname(directory);
  }
  return candidates;
}

/** The name of the file that says that this very content at this very path is approved. */
export function approvalName(path: string, text: string): string {
  return createHash('sha256').update(path).update('\0').update(text).digest('hex');
}
