import { expect, test } from 'vitest';

import { parseConfig } from '../../../src/config/load.ts';
import type { Accounts } from '../../../src/daemon/accounts.ts';
import { findUnknownNames } from '../../../src/daemon/unknown-names.ts';

const known: readonly string[] = ['ada', 'isolate', '7'];
const idOf = (name: string): number | null => (known.includes(name) ? 1 : null);
const accounts: Accounts = { uidOf: idOf, gidOf: idOf, userName: () => null, isSubordinate: () => false };

test('unknown users and groups are reported with their keys', async () => {
  const text = `
[templates."t/a"]
users = ["ada", "adda", "*", 7]
groups = ["isolate", "isolated"]
[templates."t/b"]
[limits.users.ada]
[limits.users.bob]
`;
  expect(findUnknownNames(await parseConfig([{ path: 'config.toml', text }]), accounts)).toEqual([
    'templates."t/a".users names the user "adda", which is not in /etc/passwd. For a directory-service user give the uid.',
    'templates."t/a".groups names the group "isolated", which is not in /etc/group. For a directory-service group give the gid.',
    'limits.users names the user "bob", which is not in /etc/passwd. For a directory-service user give the uid.',
  ]);
});
