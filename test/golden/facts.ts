import { planUserMaps } from '../../src/engine/user-maps.ts';
import type { Findings } from '../../src/engine/engine.ts';
import type { Facts, MachineFacts } from '../../src/host/facts.ts';
import type { OverlayPart, Rootfs, TreePart } from '../../src/rootfs/rootfs.ts';
import type { SandboxSpec } from '../../src/spec/spec.ts';

/** What machines need, without KVM. */
export const machineFacts: MachineFacts = {
  qemu: '/usr/bin/qemu-system-x86_64',
  hasProcessor: true,
  boot: { kernel: '/usr/lib/isolate/vmlinux', initramfs: '/usr/lib/isolate/initramfs', board: 'microvm' },
  withoutKvm: 'this host has no /dev/kvm',
  directories: ['/usr/lib', '/usr/share/qemu', '/lib'],
};

/** A Debian host as root sees it, with everything there. */
export const rootFacts: Facts = {
  user: {
    uid: 0,
    gid: 0,
    rights: 'root',
    subordinateUids: [],
    subordinateGids: [],
    subordinateIdsCommand: 'usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ada',
    sandboxUids: { start: 1_879_048_192, count: 268_435_456 },
    sandboxGids: { start: 1_879_048_192, count: 268_435_456 },
  },
  privileges: { withheld: null, missing: [] },
  tools: {
    bwrap: '/usr/bin/bwrap',
    'lxc-execute': '/usr/bin/lxc-execute',
    zfs: '/usr/sbin/zfs',
    zpool: '/usr/sbin/zpool',
    newuidmap: '/usr/bin/newuidmap',
    newgidmap: '/usr/bin/newgidmap',
  },
  userNamespaces: true,
  cgroups: {
    cpu: { version: 2, directory: '/sys/fs/cgroup/isolate' },
    memory: { version: 2, directory: '/sys/fs/cgroup/isolate' },
    pids: { version: 2, directory: '/sys/fs/cgroup/isolate' },
    others: [],
  },
  desktop: {
    x11: { display: ':0', socket: '/tmp/.X11-unix/X0', authority: new Uint8Array([1, 2, 3]) },
    pulse: { socket: '/run/user/1000/pulse/native', cookie: new Uint8Array([4, 5]) },
    wayland: { display: 'wayland-0', socket: '/run/user/1000/wayland-0' },
    gpu: { devices: ['/dev/dri/card0', '/dev/dri/renderD128'] },
  },
  keyFiles: ['/proc/keys', '/proc/key-users'],
  mountsBelow: [],
  machine: machineFacts,
  paths: {
    '/srv/src': { kind: 'directory', uid: 1000, gid: 1000, mode: 0o755, idmappable: true },
    '/etc/hosts': { kind: 'file', uid: 0, gid: 0, mode: 0o644, idmappable: true },
    '/tmp/.X11-unix/X0': { kind: 'socket', uid: 1000, gid: 1000, mode: 0o777, idmappable: true },
    '/run/user/1000/pulse/native': { kind: 'socket', uid: 1000, gid: 1000, mode: 0o777, idmappable: true },
    '/run/user/1000/wayland-0': { kind: 'socket', uid: 1000, gid: 1000, mode: 0o777, idmappable: true },
    '/dev/dri/card0': { kind: 'device', uid: 0, gid: 44, mode: 0o666, idmappable: false },
    '/dev/dri/renderD128': { kind: 'device', uid: 0, gid: 104, mode: 0o666, idmappable: false },
  },
  files: {
    launcher: '/usr/lib/isolate/isolate-launch',
    seccompFilter: '/usr/lib/isolate/seccomp.bpf',
    socketcallFilter: '/usr/lib/isolate/seccomp-socketcall.bpf',
    gate: '/usr/lib/isolate/isolate-gate',
    lxcSeccompProfile: '/usr/lib/isolate/lxc.seccomp',
    lxcFilter: '/usr/lib/isolate/lxc.bpf',
    unpacker: '/usr/lib/isolate/isolate-unpack',
    tree: '/usr/lib/isolate/isolate-tree',
    machine: '/usr/lib/isolate/isolate-machine',
    kernel: '/usr/lib/isolate/vmlinux',
    initramfs: '/usr/lib/isolate/initramfs',
  },
};

/** The same host as user 1000 sees it, who has subordinate ids. */
export const userFacts: Facts = {
  ...rootFacts,
  user: {
    ...rootFacts.user,
    uid: 1000,
    gid: 1000,
    rights: 'user',
    subordinateUids: [{ start: 100_000, count: 65_536 }],
    subordinateGids: [{ start: 100_000, count: 65_536 }],
  },
};

/** A run of `true` on a clone, nothing asked for. */
export const plainSpec: SandboxSpec = {
  engine: 'bwrap',
  root: { kind: 'volume', locator: 'rpool/isolate/debisl' },
  readOnlyRoot: false,
  command: ['true'],
  environment: { PATH: '/usr/bin:/bin', HOME: '/root' },
  binds: [],
  workingDirectory: '/',
  shareNetwork: false,
  passthrough: [],
  limits: {},
  graceMs: 10_000,
  waitMs: 10_000,
  seccomp: true,
  socketcall: false,
  hooks: {},
  tun: false,
  disks: [],
  cards: [],
  debugInit: false,
};

/** A rootfs that has everything, and an /etc/hosts to add a name to. */
export const wholeFindings: Findings = { tmp: '/tmp', missing: [], hosts: '/etc/hosts' };

/** A memory file system with a bind in it. */
export const memory: Pick<SandboxSpec, 'binds'> = {
  binds: [
    { source: { memoryBytes: 2 ** 26 }, target: '/scratch', readOnly: false },
    { source: '/srv/src', target: '/scratch/src', readOnly: true },
  ],
};
export const memoryFindings: Findings = { ...wholeFindings, missing: [{ path: '/scratch' }, { path: '/scratch/src', within: '/scratch' }] };

export const naturalTree: TreePart = {
  kind: 'tree',
  source: '/run/isolate/mnt/rpool-isolate-debisl_1700000000000000000',
  ownership: { kind: 'natural' },
  idmappable: true,
};

/** A clone whose files have their natural owners, on a file system that can be mounted idmapped. */
export const naturalRootfs: Rootfs = { parts: [naturalTree] };

/** A directory as it is. */
export const directoryRootfs: Rootfs = { parts: [{ ...naturalTree, source: '/srv/debian' }] };

/** A clone on zfs-fuse, shifted while it was made. */
export const shiftedRootfs: Rootfs = {
  parts: [{ ...naturalTree, ownership: { kind: 'shifted', uidBase: 1_879_048_192, gidBase: 1_879_048_192 }, idmappable: false }],
};

/** A clone from the daemon, for root. */
export const rootsRootfs: Rootfs = {
  parts: [{ kind: 'given', name: naturalTree.source, ownership: naturalTree.ownership, idmappable: true }],
};

/** A clone from the daemon. */
export const givenRootfs: Rootfs = {
  parts: [{ kind: 'given', name: naturalTree.source, ownership: { kind: 'mapped', ...planUserMaps(userFacts.user) }, idmappable: false }],
};

export const overlay: OverlayPart = {
  kind: 'overlay',
  lower: '/srv/debian',
  upperParent: '/var/lib/isolate/overlay/srv-debian/1700000000000000000',
  ownership: { kind: 'natural' },
  idmappable: { lower: true, upper: true },
};

/** A throw-away overlay over a directory. */
export const layeredRootfs: Rootfs = { parts: [overlay] };
