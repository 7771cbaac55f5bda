import { tunDevice } from '../host/lxc-paths.ts';
import type { Bind } from '../spec/spec.ts';
import type { PlanInput } from './engine.ts';
import type { IdentityPlan } from './identity.ts';
import type { MountOperation } from '../launch/launch.ts';
import { formatMountEntry } from './lxc-config.ts';
import type { PlacedBind } from './placed-bind.ts';
import { planRootMounts } from './root-mounts.ts';

/** The assembled root, LXC's own mounts in it, and what the launcher does before. */
export interface LxcMounts {
  readonly root: string;
  /** A private directory of this run for LXC's files: a tmpfs in the launch's mount namespace. */
  readonly lxcPath: string;
  /** Values of `lxc.mount.entry`. */
  readonly entries: readonly string[];
  readonly hostMounts: readonly MountOperation[];
  readonly sandboxMounts: readonly MountOperation[];
}

/** Upper bound of the shared memory in a sandbox. */
const shmBytes = 2 ** 28;

/**
 * The launcher puts binds into the root and resolves their targets beneath it; LXC would make missing targets through links of the
 * rootfs. Only binds below /dev are left to LXC, because LXC mounts /dev again. `nested`: LXC runs inside the user namespace, and mounts
 * are made there too.
 */
export function planLxcMounts(input: PlanInput, identity: IdentityPlan, nested: boolean): LxcMounts {
  const { spec, sandboxDirectory } = input;
  const lxcPath = `${sandboxDirectory}/lxc`;
  const mounts = planRootMounts(input, identity, spec.binds, { nested, directories: [lxcPath] });
  const own = [
    ...(spec.readOnlyRoot ? [keepUnchanged(mounts.root)] : []),
    ...mounts.binds.filter((bind) => !isDevice(bind)).map((bind) => bindBeneath(bind, mounts.root)),
    tmpfs(lxcPath, 'mode=0755,size=1m'),
    hideCgroups,
  ];
  return {
    root: mounts.root,
    lxcPath,
    entries: [
      shmEntry(),
      ...keyEntries,
      ...mounts.binds.filter(isDevice).map(deviceEntry),
      ...(spec.tun ? [deviceEntry({ source: tunDevice, target: tunDevice, readOnly: false, kind: 'device' })] : []),
    ],
    hostMounts: [...mounts.hostMounts, ...(nested ? [] : own)],
    sandboxMounts: [...mounts.sandboxMounts, ...(nested ? own : [])],
  };
}

/** Whether a bind is in the file system that LXC mounts on /dev. */
export function isDevice({ target }: Pick<Bind, 'target'>): boolean {
  return target === '/dev' || target.startsWith('/dev/');
}

/**
 * If LXC sees no cgroup file system, it makes no groups, so none is left behind whatever dies. The limits are those of the launch's own
 * group, in which LXC is started.
 */
const hideCgroups: MountOperation = tmpfs('/sys/fs/cgroup', 'mode=0755,size=4k');

function tmpfs(target: string, options: string): MountOperation {
  return { kind: 'mount', type: 'tmpfs', source: 'isolate', target, flags: ['nosuid', 'nodev', 'noexec'], options };
}

function bindBeneath(bind: PlacedBind, root: string): MountOperation {
  return {
    kind: 'bind',
    source: bind.source,
    root,
    target: bind.target,
    recursive: true,
    readOnly: bind.readOnly,
    noSuid: true,
    noDev: bind.kind !== 'device',
    idmap: 'none',
    create: 'none',
  };
}

/** LXC itself would make the binds read-only together with the root. */
function keepUnchanged(root: string): MountOperation {
  const flags = { recursive: true, readOnly: true, noSuid: true, noDev: true } as const;
  return { kind: 'bind', source: root, target: root, ...flags, idmap: 'none', create: 'none' };
}

/** A plain user's sandbox shares the caller's kernel id, which determines the lists of keys (proc_keys(5)). */
const keyEntries = ['proc/keys', 'proc/key-users'].map((target) =>
  formatMountEntry({ source: '/dev/null', target, type: 'none', options: ['bind', 'ro', 'optional'] }),
);

function shmEntry(): string {
  return formatMountEntry({
    source: 'tmpfs',
    target: 'dev/shm',
    type: 'tmpfs',
    options: ['nosuid', 'nodev', `size=${shmBytes}`, 'mode=1777', 'create=dir'],
  });
}

function deviceEntry({ source, target, readOnly, kind }: PlacedBind): string {
  const options = ['rbind', ...(readOnly ? ['ro'] : []), 'nosuid', `create=${kind === 'directory' ? 'dir' : 'file'}`];
  return formatMountEntry({ source, target: target.slice(1), type: 'none', options });
}
