/** The lines of passwd(5), group(5) and shadow(5) by name. A name that comes again has its count added. */
function entriesOf(text: string): ReadonlyMap<string, readonly string[]> {
  const entries = new Map<string, readonly string[]>();
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    const [name = ''] = fields;
    if (name.trim() === '' || name.startsWith('#')) continue;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    entries.set(count === 1 ? name : `${name}\n${count}`, fields);
  }
  return entries;
}

/** What differs between two texts of accounts, as `say` puts it; null: nothing to say. */
function compareEntries(
  before: string,
  after: string,
  say: (name: string, before: readonly string[] | null, after: readonly string[] | null) => string | readonly string[] | null,
): readonly string[] {
  const old = entriesOf(before);
  const now = entriesOf(after);
  const names = [...now.keys(), ...[...old.keys()].filter((name) => !now.has(name))];
  return names.flatMap((key) => say(key.split('\n')[0] ?? '', old.get(key) ?? null, now.get(key) ?? null) ?? []);
}

const noLogin = /\/(?:nologin|false|sync|shutdown|halt)$/;

/** Of fewer fields no C library makes a user. */
function isUser(fields: readonly string[] | null): fields is readonly string[] {
  return fields !== null && fields.length >= 4;
}

/** Some C libraries take a number that is none for 0. */
function isRoot(fields: readonly string[] | null): boolean {
  return isUser(fields) && !/[1-9]/.test((fields[2] ?? '').trim());
}

function describe(name: string, [, , uid = '', gid = '', , home = '', shell = '']: readonly string[]): string {
  return `${name} (uid ${uid}, gid ${gid}, home ${home || 'none'}, shell ${shell || '/bin/sh'})`;
}

/** Users who are as mighty as root and were not before. */
export function rootUsers(before: string, after: string): readonly string[] {
  return compareEntries(before, after, (name, old, now) =>
    !isUser(now) || !isRoot(now) || isRoot(old) || (name === 'root' && old === null && before === '') ? null : describe(name, now),
  );
}

/** New users who can log in, or cannot. */
export function newUsers(login: boolean): (before: string, after: string) => readonly string[] {
  return (before, after) =>
    compareEntries(before, after, (name, old, now) =>
      old !== null || !isUser(now) || isRoot(now) || noLogin.test((now[6] ?? '').trim()) === login ? null : describe(name, now),
    );
}

/** Users with another number, group, home or shell. */
export function changedUsers(before: string, after: string): readonly string[] {
  const fields = [
    [2, 'uid'],
    [3, 'gid'],
    [5, 'home'],
    [6, 'shell'],
  ] as const;
  return compareEntries(before, after, (name, old, now) => {
    if (old === null || now === null) return null;
    const differing = fields.filter(([at]) => old[at] !== now[at]);
    return differing.length === 0 ? null : `${name} (${differing.map(([at, word]) => `${word} ${old[at]} → ${now[at]}`).join(', ')})`;
  });
}

/** Names that are not there any more. */
export function removedNames(before: string, after: string): readonly string[] {
  return compareEntries(before, after, (name, old, now) => (old !== null && now === null ? name : null));
}

export function newGroups(before: string, after: string): readonly string[] {
  return compareEntries(before, after, (name, old, now) => (old === null && now?.[2] !== undefined ? `${name} (gid ${now[2]})` : null));
}

/** Groups with another number. */
export function renumberedGroups(before: string, after: string): readonly string[] {
  return compareEntries(before, after, (name, old, now) =>
    old === null || now === null || old[2] === now[2] ? null : `${name} (gid ${old[2]} → ${now[2]})`,
  );
}

/** Groups whose members can become root, or read and change what only root should. */
const mighty = new Set(
  'root wheel sudo admin adm docker podman lxd incus incus-admin libvirt kvm disk shadow kmem mem staff systemd-journal'.split(' '),
);

/** New members of groups that give root's rights, or of others. */
export function newMembers(ofMighty: boolean): (before: string, after: string) => readonly string[] {
  return (before, after) =>
    compareEntries(before, after, (name, old, now) => {
      if (now === null || mighty.has(name) !== ofMighty) return null;
      const had = new Set((old?.[3] ?? '').split(','));
      const members = (now[3] ?? '').split(',').map((member) => member.trim());
      return members.filter((member) => member !== '' && !had.has(member)).map((member) => `${member} in ${name}`);
    });
}

/** A password, not a sign that there is none or that it is elsewhere. */
function isPassword(field: string | undefined): boolean {
  return field !== undefined && field !== '' && field !== 'x' && !/^[!*]/.test(field);
}

/** Who needs no password, in passwd(5) or shadow(5). */
export function emptyPasswords(before: string, after: string): readonly string[] {
  return compareEntries(before, after, (name, old, now) => (now !== null && now[1] === '' && old?.[1] !== '' ? name : null));
}

/** Whose password is another, in passwd(5), shadow(5) or gshadow(5). The passwords themselves are not said. */
export function newPasswords(before: string, after: string): readonly string[] {
  return compareEntries(before, after, (name, old, now) => (isPassword(now?.[1]) && now?.[1] !== old?.[1] ? name : null));
}

/** Who had a password that opened the account, and has none now. */
export function lockedPasswords(before: string, after: string): readonly string[] {
  return compareEntries(before, after, (name, old, now) => (isPassword(old?.[1]) && /^[!*]/.test(now?.[1] ?? '') ? name : null));
}
