/** The login name of a uid in a passwd(5) text; null where it has none. */
export function findUserName(text: string, uid: number): string | null {
  for (const line of text.split('\n')) {
    const [name, , uidText] = line.split(':');
    if (name !== undefined && name !== '' && uidText === String(uid)) return name;
  }
  return null;
}

/** The home directory of a uid in a passwd(5) text; null where it has none. */
export function findHome(text: string, uid: number): string | null {
  for (const line of text.split('\n')) {
    const [name, , uidText, , , home] = line.split(':');
    if (name !== undefined && name !== '' && uidText === String(uid)) return home?.startsWith('/') === true ? home : null;
  }
  return null;
}

/** The id of a name in a text of passwd(5) or group(5), whose first and third fields they are; null where it has none. */
export function findId(text: string, name: string): number | null {
  for (const line of text.split('\n')) {
    const [own, , id = ''] = line.split(':');
    if (own === name && /^[0-9]{1,10}$/.test(id)) return Number(id);
  }
  return null;
}

/** Whether texts of passwd(5) and group(5) have a user in a group, as its own or as one more. */
export function isInGroup(passwd: string, group: string, user: string, name: string): boolean {
  const own = passwd.split('\n').find((line) => line.startsWith(`${user}:`));
  const line = group.split('\n').find((one) => one.startsWith(`${name}:`));
  if (line === undefined) return false;
  const [, , gid = '', members = ''] = line.split(':');
  return own?.split(':')[3] === gid || members.split(',').includes(user);
}

/** The name of a group and all its users, whose own it is or who have it besides, by their login names; null where it is not there. */
export function membersOf(
  passwd: string,
  group: string,
  gid: number,
): { readonly name: string; readonly members: readonly string[] } | null {
  const line = group
    .split('\n')
    .map((one) => one.split(':'))
    .find(([name, , id]) => name !== '' && id === String(gid));
  if (line === undefined) return null;
  const own = passwd
    .split('\n')
    .map((one) => one.split(':'))
    .filter(([, , , id]) => id === String(gid));
  const [name = '', , , more = ''] = line;
  return { name, members: [...own.map(([user = '']) => user), ...more.split(',').filter((user) => user !== '')] };
}
