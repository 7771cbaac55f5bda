/**
 * What only some engines can do, by the name that the table of engines gives it, in that table's order. An engine lists
 * what it offers; an option that asks for one of these says so (options/).
 */
export const features = {
  'read-only-root': 'read-only root',
  hostname: 'host name',
  'guest-bind': '--mount guest-bind',
  'id-base': 'id base',
  x11: 'X11',
  pulse: 'PulseAudio',
  wayland: 'Wayland',
  gpu: 'GPU',
  cpu: 'processor time',
  memory: 'memory',
  pids: 'processes',
  cpus: 'processors',
  accel: 'acceleration',
  disks: 'disks and images',
  cards: 'network cards',
  kernel: 'choice of kernel',
  'debug-init': 'boot messages',
  bridge: 'network bridge',
  tun: 'tunnels',
  log: 'own log',
} as const;

export type Feature = keyof typeof features;
