import { statSync } from 'node:fs';
import { findId, findUserName } from '../host/passwd.ts';
import { readText } from '../host/read-text.ts';

/** Names of the local users and groups. */
export interface Accounts {
  /** The uid that a login name, or a decimal uid, stands for; null where nobody has it. */
  readonly uidOf: (user: string) => number | null;
  readonly gidOf: (group: string) => number | null;
  readonly userName: (uid: number) => string | null;
}

/**
 * The names of /etc/passwd and /etc/group as they are now. What a directory service adds is not seen, because only the C
 * library can ask for it; its users and groups have their numbers.
 */
export const systemAccounts: Accounts = readAccounts('/etc/passwd', '/etc/group');

/** The names of two files of the form of passwd(5) and group(5), read again whenever they have changed. */
export function readAccounts(passwdPath: string, groupPath: string): Accounts {
  const passwd = remember(passwdPath);
  const group = remember(groupPath);
  const number = (text: string): number | null => (/^[0-9]{1,10}$/.test(text) ? Number(text) : null);
  return {
    uidOf: (user) => number(user) ?? findId(passwd(), user),
    gidOf: (name) => number(name) ?? findId(group(), name),
    userName: (uid) => findUserName(passwd(), uid),
  };
}

/** The text of a file, empty where there is none; read only if it is another one than the last time. */
function remember(path: string): () => string {
  let seen = '';
  let text = '';
  return () => {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
    const now = stats === undefined ? '' : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    if (now !== seen) {
      // The stats come first: a change in between is seen the next time.
      text = readText(path) ?? '';
      seen = now;
    }
    return text;
  };
}
