import { statSync } from 'node:fs';
import { findId, findUserName } from '../host/passwd.ts';
import { parseSubidRanges } from '../host/subid.ts';
import { readText } from '../host/read-text.ts';

/** Names of the local users and groups. */
export interface Accounts {
  /** The uid that a login name, or a decimal uid, stands for; null where nobody has it. */
  readonly uidOf: (user: string) => number | null;
  readonly gidOf: (group: string) => number | null;
  readonly userName: (uid: number) => string | null;
  /**
   * Whether it is one of the subordinate ids of a user, which who has them may become; there may be tens of thousands, so no limit to
   * what one uid gets would be one to its user. One that has a login name is a user's own.
   */
  readonly isSubordinate: (uid: number) => boolean;
}

/**
 * The names of /etc/passwd and /etc/group as they are now. What a directory service adds is not seen, because only the C
 * library can ask for it; its users and groups have their numbers.
 */
export const systemAccounts: Accounts = readAccounts('/etc/passwd', '/etc/group', '/etc/subuid');

/** A user as sentences begin with it. */
export function describeUser({ uid, name }: { readonly uid: number; readonly name: string | null }): string {
  return name === null ? `The user ${uid}` : `${name} (uid ${uid})`;
}

/** What files of the form of passwd(5), group(5) and subuid(5) say, read again whenever they have changed. */
export function readAccounts(passwdPath: string, groupPath: string, subuidPath: string): Accounts {
  const passwd = remember(passwdPath, (text) => text);
  const group = remember(groupPath, (text) => text);
  const subuid = remember(subuidPath, parseSubidRanges);
  const number = (text: string): number | null => (/^[0-9]{1,10}$/.test(text) ? Number(text) : null);
  return {
    uidOf: (user) => number(user) ?? findId(passwd(), user),
    gidOf: (name) => number(name) ?? findId(group(), name),
    userName: (uid) => findUserName(passwd(), uid),
    isSubordinate: (uid) =>
      subuid().some(({ start, count }) => uid >= start && uid - start < count) && findUserName(passwd(), uid) === null,
  };
}

/** What a file says, as if it was empty where there is none; read only if it is another one than the last time. */
function remember<Value>(path: string, parse: (text: string) => Value): () => Value {
  let seen = '';
  let value = parse('');
  return () => {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
    const now = stats === undefined ? '' : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    if (now !== seen) {
      // The stats come first: a change in between is seen the next time.
      value = parse(readText(path) ?? '');
      seen = now;
    }
    return value;
  };
}
