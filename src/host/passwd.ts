/** The login name of a uid in a passwd(5) text; null where it has none. */
export function findUserName(text: string, uid: number): string | null {
  for (const line of text.split('\n')) {
    const [name, , uidText] = line.split(':');
    if (name !== undefined && name !== '' && uidText === String(uid)) return name;
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
