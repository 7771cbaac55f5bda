/** The login name of a uid in a passwd(5) text; null where it has none. */
export function findUserName(text: string, uid: number): string | null {
  for (const line of text.split('\n')) {
    const [name, , uidText] = line.split(':');
    if (name !== undefined && name !== '' && uidText === String(uid)) return name;
  }
  return null;
}
