import { statSync } from 'node:fs';
import { findId, findUserName } from '../host/passwd.ts';
import { parseSubidRanges } from '../host/subid.ts';
import { readText } from '../host/read-text.ts';

/** Names of the local users and groups. */
export interface Accounts {
  /** The uid for a login name or decimal uid; null: nobody has it. */
  readonly uidOf: (user: string) => number | null;
  readonly gidOf: (group: string) => number | null;
  readonly userName: (uid: number) => string | null;
  /**
   * Whether it is a subordinate id, without a login name, of some user. That user can become each of tens of thousands of such ids, so a
   * quota per uid would not limit the user.
   */
  readonly isSubordinate: (uid: number) => boolean;
}

/**
 * The names in /etc/passwd and /etc/group as they are now. Users and groups of a directory service are not seen, because only the C
 * library can ask for them; they are given by number.
 */
export const systemAccounts: Accounts = readAccounts('/etc/passwd', '/etc/group', '/etc/subuid');

/** A user, as the beginning of a sentence. */
export function describeUser({ uid, name }: { readonly uid: number; readonly name: string | null }): string {
  return name === null ? `The user ${uid}` : `${name} (uid ${uid})`;
}

/** The contents of passwd(5), group(5) and subuid(5) files, reread when they change. */
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

/** The text of a file, empty if it does not exist; read only if it has changed since the last time. */
function remember<Value>(path: string, parse: (text: string) => Value): () => Value {
  let seen = '';
  let value = parse('');
  return () => {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
    const now = stats === undefined ? '' : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
    if (now !== seen) {
      // stat(2) comes first, so a change in between is seen the next time.
      value = parse(readText(path) ?? '');
      seen = now;
    }
    return value;
  };
}
