import type { MachineBoot, MachineFacts } from '../host/facts.ts';
import type { MountOperation } from '../launch/launch.ts';
import type { PlanInput } from './engine.ts';
import type { IdentityPlan } from './identity.ts';
import type { PlacedBind } from './placed-bind.ts';
import { planRootMounts } from './root-mounts.ts';
import { nameServers } from '../spec/bind.ts';

/** Where QEMU finds its files. */
export const jailPaths = { kernel: '/boot/vmlinux', initramfs: '/boot/initramfs', share: '/share' } as const;

/** What machines are made of, all of it there. */
export interface MachineParts extends MachineFacts {
  readonly qemu: string;
  readonly boot: MachineBoot;
}

/** A bind of a machine: its source is in the share. */
export interface SharedBind extends Pick<PlacedBind, 'target' | 'readOnly'> {
  readonly source: string;
  readonly kind: 'directory' | 'file';
}

/** The root directory of QEMU, and the operations that make it. */
export interface Jail {
  readonly path: string;
  readonly hostMounts: readonly MountOperation[];
  readonly sandboxMounts: readonly MountOperation[];
  /** The root first, then isolate's own binds and those of the run, but for memory file systems. */
  readonly binds: readonly SharedBind[];
}

/**
 * Everything that QEMU sees is on a small memory file system: its program, libraries and firmware, the kernel, two devices that give
 * nothing away, and the share. Root's launches put the host's files there before the sandbox's ids are taken, because those could not
 * reach them.
 */
export function planJail(input: PlanInput, identity: IdentityPlan, parts: MachineParts): Jail {
  const { spec, facts, findings, sandboxDirectory } = input;
  const isRoot = facts.user.rights === 'root';
  const path = `${sandboxDirectory}/jail`;
  const inMemory = new Set(spec.binds.filter(({ source }) => typeof source !== 'string').map(({ target }) => target));
  const resolver = spec.shareNetwork ? spec.binds.find(({ optional, target }) => optional === true && target === nameServers) : undefined;
  const wanted = spec.binds.filter(({ target }) => !inMemory.has(target));
  // What a memory file system lacks is made in the machine.
  const missing = findings.missing.filter(({ within }) => within === undefined || !inMemory.has(within));
  const mounts = planRootMounts({ ...input, findings: { ...findings, missing } }, identity, wanted, { nested: true, directories: [path] });
  const binds = [
    { source: mounts.root, target: '/', readOnly: spec.readOnlyRoot, kind: 'directory' } as const,
    ...mounts.binds.filter(({ target }) => target !== resolver?.target),
  ].map(({ source, target, readOnly, kind }, index) => {
    const shared: SharedBind = { source: String(index), target, readOnly, kind: kind === 'directory' ? kind : 'file' };
    return { from: source, shared };
  });
  const frame: MountOperation[] = [
    { kind: 'mount', type: 'tmpfs', source: 'isolate', target: path, flags: ['nosuid'], options: 'mode=0755,size=1m' },
    ...planPrograms(path, parts),
    ...(resolver === undefined ? [] : [readOnly(path, nameServers, nameServers, 'file')]),
    ...['/proc', jailPaths.share].map((directory): MountOperation => ({ kind: 'mkdir', path: `${path}${directory}`, mode: 0o755 })),
  ];
  // The sandbox's own, so that it can make the places in it.
  const shares: MountOperation[] = [
    // QEMU reaches extended attributes by /proc/self/fd.
    { kind: 'mount', type: 'proc', source: 'proc', root: path, target: '/proc', flags: ['ro', 'nosuid', 'nodev', 'noexec'], options: '' },
    {
      kind: 'mount',
      type: 'tmpfs',
      source: 'isolate',
      root: path,
      target: jailPaths.share,
      flags: ['nosuid', 'nodev'],
      options: 'mode=0755,size=1m',
    },
    ...binds.map(({ from, shared }) => share(path, from, shared)),
  ];
  return {
    path,
    hostMounts: [...mounts.hostMounts, ...(isRoot ? frame : [])],
    sandboxMounts: [...mounts.sandboxMounts, ...(isRoot ? [] : frame), ...shares],
    binds: binds.map(({ shared }) => shared),
  };
}

function planPrograms(jail: string, { qemu, boot, directories, withoutKvm }: MachineParts): MountOperation[] {
  return [
    readOnly(jail, qemu, qemu, 'file'),
    ...directories.map((path) => readOnly(jail, path, path, 'directory')),
    readOnly(jail, boot.kernel, jailPaths.kernel, 'file'),
    readOnly(jail, boot.initramfs, jailPaths.initramfs, 'file'),
    ...['/dev/null', '/dev/urandom', ...(withoutKvm === null ? ['/dev/kvm'] : [])].map((path) => readOnly(jail, path, path, 'file')),
  ];
}

function readOnly(root: string, source: string, target: string, create: 'directory' | 'file'): MountOperation {
  return {
    kind: 'bind',
    source,
    root,
    target,
    // Where something is mounted below, a user may not leave it out (mount_namespaces(7), locked mounts).
    recursive: create === 'directory',
    readOnly: true,
    noSuid: true,
    noDev: !target.startsWith('/dev/'),
    idmap: 'none',
    create,
  };
}

function share(root: string, from: string, { source, readOnly: isReadOnly, kind }: SharedBind): MountOperation {
  return {
    kind: 'bind',
    source: from,
    root,
    target: `${jailPaths.share}/${source}`,
    recursive: true,
    readOnly: isReadOnly,
    noSuid: true,
    noDev: true,
    idmap: 'none',
    create: kind,
  };
}
