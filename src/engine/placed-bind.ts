import type { Facts, PathFacts } from '../host/facts.ts';
import type { MountOperation } from '../launch/launch.ts';
import { memoryOf } from '../spec/bind.ts';
import type { Bind } from '../spec/spec.ts';

/** A bind with the path to bind from. */
export interface PlacedBind extends Pick<Bind, 'target' | 'readOnly'> {
  readonly source: string;
  readonly kind: PathFacts['kind'];
}

/** What a bind shows; null: nothing, or nothing that its caller can see. */
export function bindKind({ source }: Bind, { paths }: Pick<Facts, 'paths'>): PathFacts['kind'] | null {
  return typeof source === 'string' ? (paths[source]?.kind ?? null) : 'directory';
}

/** Where binds are bound from: memory file systems (and all others if `isGathered`) from their numbers in `directory`. */
export function placeBinds(
  binds: readonly Bind[],
  facts: Pick<Facts, 'paths'>,
  { directory, isGathered }: { readonly directory: string; readonly isGathered: boolean },
): PlacedBind[] {
  return binds.map((bind, index) => ({
    source: isGathered || typeof bind.source !== 'string' ? `${directory}/${index}` : bind.source,
    target: bind.target,
    readOnly: bind.readOnly,
    kind: bindKind(bind, facts) ?? 'file',
  }));
}

/** The memory file systems among binds: directories at their numbers in `directory`, and the mounts on these. */
export function planMemory(
  binds: readonly Bind[],
  directory: string,
  owner: { readonly uid: number; readonly gid: number },
): { readonly places: readonly MountOperation[]; readonly mounts: readonly MountOperation[] } {
  const wanted = binds.flatMap((bind, index) => {
    const memoryBytes = memoryOf(bind);
    return memoryBytes === null ? [] : [{ memoryBytes, path: `${directory}/${index}` }];
  });
  return {
    places: wanted.map(({ path }) => ({ kind: 'mkdir', path, mode: 0o755 })),
    mounts: wanted.map(({ path, memoryBytes }) => ({
      kind: 'mount',
      type: 'tmpfs',
      source: 'isolate',
      target: path,
      flags: ['nosuid', 'nodev'],
      options: `mode=1777,size=${memoryBytes},uid=${owner.uid},gid=${owner.gid}`,
    })),
  };
}
