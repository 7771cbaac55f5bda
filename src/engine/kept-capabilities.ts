/**
 * What the sandbox's root may do within its own user namespace: what a package manager, a service with a low port and
 * ping need, nothing that reaches mounts, devices, modules or other namespaces. (capabilities(7))
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
