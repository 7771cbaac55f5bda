import type { Findings, PlanInput } from './engine.ts';
import { defaultHosts, hostnameFor, hostsLine } from './hostname.ts';
import type { MountOperation } from '../launch/launch.ts';
import type { PlacedBind } from './placed-bind.ts';

/** Where missing targets are made. */
export interface MadeIn {
  readonly binds: readonly PlacedBind[];
  readonly root: string;
  /** Lies over the root; null: they are made in the root itself. */
  readonly layer: string | null;
}

/** Makes what the rootfs lacks, so that no engine has to: engines differ in what they make, with which modes and through which links. */
export function planMissing({ missing, hosts }: Findings, { binds, root, layer }: MadeIn): MountOperation[] {
  const bindAt = (path: string): PlacedBind | undefined => binds.find(({ target }) => target === path);
  return missing.map(({ path, within }): MountOperation => {
    const isFile = bindAt(path) === undefined ? path === hosts : bindAt(path)?.kind !== 'directory';
    const create = isFile ? 'file' : 'directory';
    const outer = within === undefined ? undefined : bindAt(within);
    if (outer !== undefined) return { kind: 'make', root: outer.source, target: path.slice(outer.target.length), create };
    return { kind: 'make', root, ...(layer === null ? {} : { layer }), target: path, create };
  });
}

/**
 * The sandbox's own name has to be found by programs that look for it, sudo among them: a copy of the rootfs's /etc/hosts, which
 * may be written and is gone with the run, has a line for it.
 */
export function planHosts(
  { spec, findings: { hosts } }: Pick<PlanInput, 'spec' | 'findings'>,
  root: string,
  copy: string,
): { readonly operations: readonly MountOperation[]; readonly binds: readonly PlacedBind[] } {
  if (hosts === null) return { operations: [], binds: [] };
  const line = hostsLine(hostnameFor(spec));
  return {
    operations: [{ kind: 'copy', root, source: hosts, target: copy, otherwise: defaultHosts, line }],
    binds: [{ source: copy, target: hosts, readOnly: spec.readOnlyRoot, kind: 'file' }],
  };
}
