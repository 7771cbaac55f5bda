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
