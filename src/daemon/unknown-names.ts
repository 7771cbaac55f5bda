import type { Config } from '../config/config.ts';
import type { Accounts } from './accounts.ts';

/** A sentence for each user or group in the settings that this host does not have: a typing error, or one of a directory service. */
export function findUnknownNames({ templates, limits }: Config, accounts: Accounts): readonly string[] {
  const users = (names: Iterable<string>): readonly string[] => [...names].filter((name) => name !== '*' && accounts.uidOf(name) === null);
  return [
    ...[...templates].flatMap(([template, rules]) => [
      ...users(rules.users).map((name) => describe('user', name, `templates."${template}".users`)),
      ...rules.groups
        .filter((name) => accounts.gidOf(name) === null)
        .map((name) => describe('group', name, `templates."${template}".groups`)),
    ]),
    ...users(limits.users.keys()).map((name) => describe('user', name, 'limits.users')),
  ];
}

function describe(kind: 'user' | 'group', name: string, key: string): string {
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group';
  return `${key} names the ${kind} ${JSON.stringify(name)}, which is not in ${file}. For a directory-service ${kind} give the ${kind === 'user' ? 'uid' : 'gid'}.`;
}
