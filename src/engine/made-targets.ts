import type { Findings, PlanInput } from './engine.ts';
import { defaultHosts, hostnameFor, hostsLine } from './hostname.ts';
import type { MountOperation } from '../launch/launch.ts';
import type { PlacedBind } from './placed-bind.ts';

/** Where missing targets are made. */
export interface MadeIn {
  readonly binds: readonly PlacedBind[];
  readonly root: string;
  /** A layer over the root; null: they are made in the root itself. */
  readonly layer: string | null;
}

/** Makes what the rootfs lacks, because engines differ in what they make, with which modes and through which links. */
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
 * Programs such as sudo look up the sandbox's host name, so a copy of the rootfs's /etc/hosts has a line for it. The copy is writable and
 * gone after the run.
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
