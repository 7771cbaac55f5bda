/** The extended attributes that hold ACLs. */
export const aclAttributes: Readonly<Record<string, string>> = {
  'system.posix_acl_access': '',
  'system.posix_acl_default': 'default:',
};

const version = 2;
const headerBytes = 4;
const entryBytes = 8;

/** Tags of entries; those with an id belong to somebody named. */
const tags: ReadonlyMap<number, { readonly name: string; readonly hasId: boolean }> = new Map([
  [0x01, { name: 'user', hasId: false }],
  [0x02, { name: 'user', hasId: true }],
  [0x04, { name: 'group', hasId: false }],
  [0x08, { name: 'group', hasId: true }],
  [0x10, { name: 'mask', hasId: false }],
  [0x20, { name: 'other', hasId: false }],
]);

/** The entries of a POSIX ACL, as the kernel has it in an extended attribute: `user:1000:r--`. null: it is none that is known. */
export function decodeAcl(value: Uint8Array): readonly string[] | null {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.byteLength < headerBytes || (value.byteLength - headerBytes) % entryBytes !== 0) return null;
  if (view.getUint32(0, true) !== version) return null;
  const entries: string[] = [];
  for (let at = headerBytes; at < value.byteLength; at += entryBytes) {
    const tag = tags.get(view.getUint16(at, true));
    const permissions = view.getUint16(at + 2, true);
    if (tag === undefined || permissions > 7) return null;
    const id = tag.hasId ? showId(view.getUint32(at + 4, true)) : '';
    entries.push(`${tag.name}:${id}:${showPermissions(permissions)}`);
  }
  return entries;
}

/** The same ACL with other ids. What is none that is known stays as it is. */
export function mapAclIds(
  value: Uint8Array,
  ids: { readonly uid: (id: number) => number | null; readonly gid: (id: number) => number | null },
): Uint8Array {
  if (decodeAcl(value) === null) return value;
  const mapped = Uint8Array.from(value);
  const view = new DataView(mapped.buffer);
  for (let at = headerBytes; at < mapped.byteLength; at += entryBytes) {
    const tag = tags.get(view.getUint16(at, true));
    if (tag?.hasId !== true) continue;
    const map = tag.name === 'user' ? ids.uid : ids.gid;
    view.setUint32(at + 4, map(view.getUint32(at + 4, true)) ?? unknownId, true);
  }
  return mapped;
}

/** None of the sandbox's: the id that nobody can have (chown(2)). */
const unknownId = 0xffff_ffff;

function showId(id: number): string {
  return id === unknownId ? 'unknown' : String(id);
}

function showPermissions(bits: number): string {
  return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
}
