/** The extended attribute that holds the capabilities of a program. */
export const capabilityAttribute = 'security.capability';

/** By number, as in capabilities(7). */
const names = [
  'cap_chown',
  'cap_dac_override',
  'cap_dac_read_search',
  'cap_fowner',
  'cap_fsetid',
  'cap_kill',
  'cap_setgid',
  'cap_setuid',
  'cap_setpcap',
  'cap_linux_immutable',
  'cap_net_bind_service',
  'cap_net_broadcast',
  'cap_net_admin',
  'cap_net_raw',
  'cap_ipc_lock',
  'cap_ipc_owner',
  'cap_sys_module',
  'cap_sys_rawio',
  'cap_sys_chroot',
  'cap_sys_ptrace',
  'cap_sys_pacct',
  'cap_sys_admin',
  'cap_sys_boot',
  'cap_sys_nice',
  'cap_sys_resource',
  'cap_sys_time',
  'cap_sys_tty_config',
  'cap_mknod',
  'cap_lease',
  'cap_audit_write',
  'cap_audit_control',
  'cap_setfcap',
  'cap_mac_override',
  'cap_mac_admin',
  'cap_syslog',
  'cap_wake_alarm',
  'cap_block_suspend',
  'cap_audit_read',
  'cap_perfmon',
  'cap_bpf',
  'cap_checkpoint_restore',
] as const;

/** Of each revision: how many words of 32 bits each set has, and the size in bytes. */
const revisions: ReadonlyMap<number, { readonly words: number; readonly size: number }> = new Map([
  [0x01, { words: 1, size: 12 }],
  [0x02, { words: 2, size: 20 }],
  [0x03, { words: 2, size: 24 }],
]);
const rootIdOffset = 20;

/**
 * The capabilities of a program as setcap(8) reads them: `cap_net_raw=ep`. Those of a user namespace have its root's id in brackets, as
 * getcap(8) writes it. null: the value is none that is known.
 */
export function decodeCapability(value: Uint8Array): string | null {
  if (value.byteLength < 4) return null;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const magic = view.getUint32(0, true);
  const revision = revisions.get(magic >>> 24);
  if (revision === undefined || value.byteLength !== revision.size) return null;
  const sets = readSets(view, revision.words, (magic & 1) === 1);
  return `${showSets(sets)}${revision.size > rootIdOffset ? ` [rootid=${showRootId(view.getUint32(rootIdOffset, true))}]` : ''}`;
}

/** None of the sandbox's: the id that nobody can have (chown(2)). */
const unknownId = 0xffff_ffff;

const showRootId = (id: number): string => (id === unknownId ? 'unknown' : String(id));

/** The same capabilities for the user namespace of another root: for that of the id 0 they are what they are without a namespace. */
export function mapRootId(value: Uint8Array, map: (id: number) => number | null): Uint8Array {
  if (value.byteLength <= rootIdOffset || decodeCapability(value) === null) return value;
  const mapped = Uint8Array.from(value);
  const view = new DataView(mapped.buffer);
  const rootId = map(view.getUint32(rootIdOffset, true)) ?? unknownId;
  view.setUint32(rootIdOffset, rootId, true);
  if (rootId !== 0) return mapped;
  mapped[3] = 2;
  return mapped.subarray(0, rootIdOffset);
}

/** The letters of each capability, by its number. */
function readSets(view: DataView, words: number, isEffective: boolean): readonly string[] {
  return Array.from({ length: words * 32 }, (_, number) => {
    const at = 4 + Math.floor(number / 32) * 8;
    const has = (offset: number): boolean => ((view.getUint32(at + offset, true) >>> (number % 32)) & 1) === 1;
    const [permitted, inheritable] = [has(0), has(4)];
    return `${isEffective && (permitted || inheritable) ? 'e' : ''}${inheritable ? 'i' : ''}${permitted ? 'p' : ''}`;
  });
}

/** What most capabilities have comes first and without names. */
function showSets(sets: readonly string[]): string {
  const known = sets.slice(0, names.length);
  const usual = [...new Set(known)].find((letters) => known.filter((each) => each === letters).length > names.length / 2) ?? '';
  const groups = new Map<string, string[]>();
  for (const [number, letters] of sets.entries()) {
    if (letters !== (number < names.length ? usual : ''))
      groups.set(letters, [...(groups.get(letters) ?? []), names[number] ?? String(number)]);
  }
  const clauses = [...groups].map(([letters, members]) => `${members.join(',')}=${letters}`);
  return [...(usual === '' && clauses.length > 0 ? [] : [`=${usual}`]), ...clauses].join(' ');
}
