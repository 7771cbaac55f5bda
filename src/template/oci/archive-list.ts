/** What an archive has under one name: a file of its own, a link to another one of its files, or something else. */
export type Member = { readonly kind: 'file' } | { readonly kind: 'link'; readonly target: string } | { readonly kind: 'other' };

/**
 * One line of `tar --list --verbose --numeric-owner --quoting-style=escape`: the member's name as tar has it, and what it is. null: a
 * line of another form, or a name that would have to be unquoted, which no file of an image has.
 */
export function parseMember(line: string): { readonly name: string; readonly member: Member } | null {
  const [, type = '', rest = ''] = /^([-dlhpcbCM])[-a-zA-Z]{9}\+? +\d+\/\d+ +[\d,]+ \S+ \S+ (.*)$/.exec(line) ?? [];
  if (rest === '' || rest.includes('\\')) return null;
  if (type === '-') return { name: rest, member: { kind: 'file' } };
  const [separator, base] = type === 'l' ? [' -> ', 'name'] : [' link to ', 'root'];
  const at = rest.indexOf(separator);
  if ((type !== 'l' && type !== 'h') || at === -1) return { name: rest, member: { kind: 'other' } };
  const name = rest.slice(0, at);
  const target = rest.slice(at + separator.length);
  return { name, member: { kind: 'link', target: base === 'root' ? target : joinTarget(name, target) } };
}

/** Where a symbolic link leads within the archive. */
function joinTarget(name: string, target: string): string {
  const parts = target.startsWith('/') ? [] : tidy(name).split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** A member's name without what tar allows at its beginning. */
export function tidy(name: string): string {
  return name.replace(/^(?:\.?\/)+/, '');
}
