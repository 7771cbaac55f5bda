/**
 * The capabilities of the sandbox's root in its own user namespace: those that a package manager, a service on a low port and ping need,
 * and none that affects mounts, devices, modules or other namespaces. (capabilities(7))
 */
export const keptCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_SETFCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SYS_CHROOT',
  'CAP_AUDIT_WRITE',
] as const;

/** By their bits (linux/capability.h). */
const bits = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_CHROOT: 18,
  CAP_AUDIT_WRITE: 29,
  CAP_SETFCAP: 31,
} as const satisfies Readonly<Record<(typeof keptCapabilities)[number] | 'CAP_NET_ADMIN', number>>;

export type SandboxCapability = keyof typeof bits;

/** As the kernel counts them. */
export function capabilityMask(names: readonly SandboxCapability[]): number {
  return names.reduce((mask, name) => mask + 2 ** bits[name], 0);
}
