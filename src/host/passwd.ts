/** The first entry of a text of passwd(5) or group(5) that has this value as its field `at`, from 0. */
function findEntry(text: string, at: number, value: string): readonly string[] | undefined {
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    if (fields[at] === value && fields[0] !== '') return fields;
  }
  return undefined;
}

/** The login name of a uid in a passwd(5) text; null: it has none. */
export function findUserName(text: string, uid: number): string | null {
  return findEntry(text, 2, String(uid))?.[0] ?? null;
}

/** The home directory of a uid in a passwd(5) text; null: it has none. */
export function findHome(text: string, uid: number): string | null {
  const home = findEntry(text, 2, String(uid))?.[5];
  return home?.startsWith('/') === true ? home : null;
}

/** The id (third field) of a name (first field) in a passwd(5) or group(5) text; null: it has none. */
export function findId(text: string, name: string): number | null {
  const id = findEntry(text, 0, name)?.[2] ?? '';
  return /^[0-9]{1,10}$/.test(id) ? Number(id) : null;
}

/** Whether a user is in a group by passwd(5) and group(5) texts, as its primary or a supplementary group. */
export function isInGroup(passwd: string, group: string, user: string, name: string): boolean {
  const [, , gid, members = ''] = findEntry(group, 0, name) ?? [];
  return gid !== undefined && (findEntry(passwd, 0, user)?.[3] === gid || members.split(',').includes(user));
}

/** The name of a group and the login names of all users with it as primary or supplementary group; null: it does not exist. */
export function membersOf(
  passwd: string,
  group: string,
  gid: number,
): { readonly name: string; readonly members: readonly string[] } | null {
  const line = findEntry(group, 2, String(gid));
  if (line === undefined) return null;
  const own = passwd
    .split('\n')
    .map((one) => one.split(':'))
    .filter(([, , , id]) => id === String(gid));
  const [name = '', , , more = ''] = line;
  return { name, members: [...own.map(([user = '']) => user), ...more.split(',').filter((user) => user !== '')] };
}
