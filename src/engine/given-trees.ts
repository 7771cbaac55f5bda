import type { Launch, MountOperation } from '../launch/launch.ts';
import type { IdMaps } from '../rootfs/rootfs.ts';

/** Trees that the daemon hands over, where programs of isolate's own see them. */
export interface GivenTrees extends Pick<Launch, 'userNamespace' | 'sandboxMounts'> {
  /** Where each of them is then. */
  readonly paths: readonly string[];
}

/** Mounts trees with these names and ids, in the order in which the daemon hands them over, on a tmpfs over `directory`. */
export function planGivenTrees(names: readonly string[], { uidMap, gidMap }: IdMaps, directory: string): GivenTrees {
  const paths = names.map((_name, index) => `${directory}/${index}`);
  return {
    paths,
    userNamespace: { writer: 'given', uidMap, gidMap },
    sandboxMounts: [
      { kind: 'mount', type: 'tmpfs', source: 'isolate', target: directory, flags: ['nosuid', 'nodev'], options: 'mode=0755,size=16m' },
      ...paths.map((path): MountOperation => ({ kind: 'mkdir', path, mode: 0o755 })),
      ...names.map((source, index): MountOperation => ({ kind: 'attach', source, target: paths[index] ?? '', flags: [], idmap: 'none' })),
    ],
  };
}
