import type { Bind } from '../spec/spec.ts';
import type { PlanInput } from './engine.ts';
import { type IdentityPlan, planBindIdmap } from './identity.ts';
import type { MountOperation } from './launch.ts';

/** Where the launcher puts the rootfs and the sources of binds together, and the operations that do it. */
export interface RootMounts {
  /** Path of the assembled rootfs, reachable with the sandbox's ids. */
  readonly root: string;
  /** For every bind, in order, the path to bind from instead: reachable with the sandbox's ids. */
  readonly bindSources: readonly string[];
  readonly hostMounts: readonly MountOperation[];
  readonly sandboxMounts: readonly MountOperation[];
}

/**
 * Root's launches gather everything on a private tmpfs, because the sandbox's ids cannot pass root's 0700 directories
 * and because a mount can be given other ids only on the way; other users' launches use the paths as they are.
 */
export function planRootMounts(input: PlanInput, identity: IdentityPlan, binds: readonly Bind[]): RootMounts {
  if (input.facts.user.uid !== 0) {
    const { layers, path, handedOver } = input.rootfs;
    const { sandboxDirectory } = input;
    return {
      root: handedOver === undefined ? path : sandboxDirectory,
      bindSources: binds.map((bind) => bind.source),
      hostMounts: [],
      sandboxMounts: [
        ...(handedOver === undefined ? [] : [{ kind: 'attach', target: sandboxDirectory } as const]),
        ...(layers === undefined ? [] : [overlayMount(layers.lower, layers.upperParent, path)]),
      ],
    };
  }
  return gatherOnTmpfs(input, identity, binds);
}

function gatherOnTmpfs({ rootfs, facts, sandboxDirectory }: PlanInput, identity: IdentityPlan, binds: readonly Bind[]): RootMounts {
  const root = `${sandboxDirectory}/root`;
  const lower = `${sandboxDirectory}/lower`;
  const upperParent = `${sandboxDirectory}/upper`;
  const { layers } = rootfs;
  const sources = binds.map((bind, index): MountOperation => ({
    kind: 'bind',
    source: bind.source,
    root: sandboxDirectory,
    target: `/binds/${index}`,
    recursive: true,
    readOnly: bind.readOnly,
    noSuid: true,
    noDev: facts.paths[bind.source]?.kind !== 'device',
    idmap: planBindIdmap(facts, facts.paths[bind.source]),
    create: facts.paths[bind.source]?.kind === 'directory' ? 'directory' : 'file',
  }));
  const hostMounts: MountOperation[] = [
    { kind: 'mount', type: 'tmpfs', source: 'isolate', target: sandboxDirectory, flags: ['nosuid'], options: 'mode=0755,size=1m' },
    { kind: 'mkdir', path: root, mode: 0o755 },
    { kind: 'mkdir', path: `${sandboxDirectory}/binds`, mode: 0o755 },
    ...(layers === undefined
      ? [treeMount(rootfs.path, root, identity)]
      : [
          { kind: 'mkdir', path: lower, mode: 0o755 } as const,
          { kind: 'mkdir', path: upperParent, mode: 0o755 } as const,
          treeMount(layers.lower, lower, identity),
          treeMount(layers.upperParent, upperParent, identity),
        ]),
    ...sources,
  ];
  return {
    root,
    bindSources: binds.map((_, index) => `${sandboxDirectory}/binds/${index}`),
    hostMounts,
    sandboxMounts: layers === undefined ? [] : [overlayMount(lower, upperParent, root)],
  };
}

function treeMount(source: string, target: string, { rootIdmap }: IdentityPlan): MountOperation {
  return { kind: 'bind', source, target, recursive: false, readOnly: false, noSuid: true, noDev: true, idmap: rootIdmap, create: 'none' };
}

function overlayMount(lower: string, upperParent: string, target: string): MountOperation {
  const options = overlayOptions(lower, upperParent);
  return { kind: 'mount', type: 'overlay', source: 'overlay', target, flags: ['nosuid', 'nodev'], options };
}

/**
 * The options of overlayfs for a clone's layers. The upper layer alone tells what changed: no metacopy, no redirect_dir.
 * (Documentation/filesystems/overlayfs.rst)
 */
export function overlayOptions(lower: string, upperParent: string): string {
  const layers = { lowerdir: lower, upperdir: `${upperParent}/upper`, workdir: `${upperParent}/work` };
  return [...Object.entries(layers).map(([name, path]) => `${name}=${escapeLayer(path)}`), 'userxattr'].join(',');
}

/** Colons and commas separate layers and options; a backslash takes that meaning away. */
function escapeLayer(path: string): string {
  return path.replaceAll(/[\\:,]/g, String.raw`\$&`);
}
