/** The login name of a uid in a passwd(5) text; null where it has none. */
export function findUserName(text: string, uid: number): string | null {
  for (const line of text.split('\n')) {
    const [name, , uidText] = line.split(':');
    if (name !== undefined && name !== '' && uidText === String(uid)) return name;
  }
  return null;
}

/** The uid of a login name in a passwd(5) text; null where there is none. */
export function findUid(text: string, name: string): number | null {
  for (const line of text.split('\n')) {
    const [candidate, , uidText] = line.split(':');
    if (candidate === name && uidText !== undefined && /^\d{1,10}$/.test(uidText)) return Number(uidText);
  }
  return null;
}
