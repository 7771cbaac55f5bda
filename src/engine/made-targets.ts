import type { Bind } from '../spec/spec.ts';
import type { Missing, PlanInput } from './engine.ts';
import { defaultHosts, hostnameFor, hostsLine } from './hostname.ts';
import type { MountOperation } from '../launch/launch.ts';

/** Where missing targets are made. */
export interface MadeIn {
  readonly binds: readonly Bind[];
  /** For every bind, in order, the path that its source is reached by. */
  readonly bindSources: readonly string[];
  readonly root: string;
  /** Lies over the root; null: they are made in the root itself. */
  readonly layer: string | null;
}

/** Makes what the rootfs lacks, so that no engine has to: engines differ in what they make, with which modes and through which links. */
export function planMissing({ findings, facts }: Pick<PlanInput, 'findings' | 'facts'>, made: MadeIn): MountOperation[] {
  const { binds, bindSources, root, layer } = made;
  return findings.missing.map(({ path, within }): MountOperation => {
    const create = createKind(path, findings, binds, facts);
    const outer = within === undefined ? -1 : binds.findIndex(({ target }) => target === within);
    const source = bindSources[outer];
    if (source !== undefined && within !== undefined) return { kind: 'make', root: source, target: path.slice(within.length), create };
    return { kind: 'make', root, ...(layer === null ? {} : { layer }), target: path, create };
  });
}

function createKind(
  path: Missing['path'],
  findings: PlanInput['findings'],
  binds: readonly Bind[],
  facts: PlanInput['facts'],
): 'directory' | 'file' {
  const bind = binds.find(({ target }) => target === path);
  if (bind !== undefined) return facts.paths[bind.source]?.kind === 'directory' ? 'directory' : 'file';
  return path === findings.hosts ? 'file' : 'directory';
}

/**
 * The sandbox's own name has to be found by programs that look for it, sudo among them: a copy of the rootfs's /etc/hosts, which
 * may be written and is gone with the run, has a line for it.
 */
export function planHosts(
  { spec, findings: { hosts } }: Pick<PlanInput, 'spec' | 'findings'>,
  root: string,
  copy: string,
): { readonly operations: readonly MountOperation[]; readonly binds: readonly Bind[] } {
  if (hosts === null) return { operations: [], binds: [] };
  const line = hostsLine(hostnameFor(spec));
  return {
    operations: [{ kind: 'copy', root, source: hosts, target: copy, otherwise: defaultHosts, line }],
    binds: [{ source: copy, target: hosts, readOnly: spec.readOnlyRoot }],
  };
}
