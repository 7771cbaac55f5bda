export const capabilityAttribute = 'security.capability';

/** capabilities(7), by number. */
const names = `chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast
net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time
sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf
checkpoint_restore`.split(/\s+/);

/**
 * The permitted capabilities in a value of security.capability: `net_raw net_admin`. It has a word with the version, then pairs of words, the
 * permitted and the inheritable capabilities, with 32 capabilities in each; all little-endian.
 */
export function capabilitiesOf(value: Uint8Array): string {
  const words = Array.from({ length: Math.floor(value.length / 4) }, (_, at) => wordAt(value, at * 4));
  const permitted = BigInt(words[1] ?? 0) | (BigInt(words[3] ?? 0) << 32n);
  const held = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((permitted >> BigInt(bit)) & 1n) === 1n);
  return held.length === 0 ? 'none' : held.map((bit) => names[bit] ?? `capability ${bit}`).join(' ');
}

function wordAt(value: Uint8Array, at: number): number {
  return ((value[at] ?? 0) | ((value[at + 1] ?? 0) << 8) | ((value[at + 2] ?? 0) << 16) | ((value[at + 3] ?? 0) << 24)) >>> 0;
}
