import type { EngineCapabilities, Findings } from '../engine/engine.ts';
import { entersOwnDirectories } from '../engine/identity.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { Found } from '../host/resolve-beneath.ts';
import type { Rootfs } from '../rootfs/rootfs.ts';
import { isThrownAway } from '../spec/root-ref.ts';
import type { CheckedSpec, FirmSpec, SandboxSpec } from '../spec/spec.ts';
import { checkWorkingDirectory, type WorkingDirectoryContext, type WorkingSpec } from './check-working-directory.ts';
import { type RootView, treeOf, wholeMountpoints } from './look-into-root.ts';
import { checkMountpointsMade, makesTarget } from './makes-target.ts';
import { placeBinds } from './place-binds.ts';

/** A spec that fits its rootfs, and what was found there. */
export interface Settled {
  readonly spec: SandboxSpec;
  readonly findings: Findings;
  /** What the sandbox has to do without, one sentence each. */
  readonly warnings: readonly string[];
}

export interface SettleContext {
  readonly rootfs: Rootfs;
  readonly facts: Facts;
  readonly capabilities: EngineCapabilities;
}

/** Where programs look up the names of hosts. */
const hostsFile = '/etc/hosts';

/** The paths that have to be looked up in the rootfs whatever its template's defaults are: the targets of the binds first. */
export function targetsToLookAt(spec: CheckedSpec, capabilities: EngineCapabilities): string[] {
  const { workingDirectory = '/' } = spec;
  return [
    ...spec.binds.map(({ target }) => target),
    ...(addsHostname(spec, capabilities) ? [hostsFile] : []),
    ...(workingDirectory === '/' ? [] : [workingDirectory]),
  ];
}

/**
 * The spec with its bind targets as they really are in the rootfs, so that no mount follows a link out of it, and outer ones
 * first, so that none hides another. Throws `bad-bind`, `not-permitted`, `cannot-enforce`, `usage` for a working directory that
 * is not there, or `bad-template` if it is the template's, and `template-not-filesystem` for a tree that is no Linux root.
 */
export function settleInView(spec: SandboxSpec, view: RootView, context: SettleContext): Settled {
  const { rootfs, facts, capabilities } = context;
  const tree = treeOf(spec, rootfs);
  const looks = [...view.targets];
  const { mountpoints } = view;
  checkIsRoot(spec, view, tree.name);
  const makes = makesTarget(spec, rootfs, facts);
  checkMountpointsMade(mountpoints.missing, tree, makes);
  const { binds, missing, warnings } = placeBinds(spec.binds, looks.splice(0, spec.binds.length), { tree, facts, makes });
  const hosts = addsHostname(spec, capabilities) ? looks.shift() : undefined;
  const copies = entersOwnDirectories(spec, facts);
  const file = copies && isFileFor(hosts) && !binds.some(({ target }) => `${hosts.path}/`.startsWith(`${target}/`)) ? hosts : null;
  checkDirectory({ ...spec, binds }, { given: looks.shift(), template: view.defaultDirectory }, { tree, tmp: mountpoints.tmp, facts });
  return {
    spec: { ...spec, binds },
    findings: {
      tmp: mountpoints.tmp,
      missing: [...mountpoints.missing.map((path) => ({ path })), ...missing, ...(file?.kind === 'missing' ? [{ path: file.path }] : [])],
      hosts: file?.path ?? null,
    },
    warnings,
  };
}

/** Where the working directory leads that was given, or else the template's own. */
interface DirectoryLooks {
  readonly given: Found | IsolateError | undefined;
  readonly template: Found | IsolateError | undefined;
}

function checkDirectory(spec: WorkingSpec, { given, template }: DirectoryLooks, context: WorkingDirectoryContext): void {
  if (given !== undefined || spec.workingDirectory === '/') return checkWorkingDirectory(spec, given, context);
  try {
    checkWorkingDirectory(spec, template, context);
  } catch (cause) {
    if (!(cause instanceof IsolateError)) throw cause;
    throw new IsolateError(
      cause.code === 'usage' ? 'bad-template' : cause.code,
      `The default working directory of ${context.tree.name} cannot be used.`,
      {
        cause,
        hint: '-p DIR gives the run another one',
      },
    );
  }
}

/** What is thought of a rootfs into which nobody can look: whatever fits. */
export function assumeWhole(spec: CheckedSpec, capabilities: EngineCapabilities): RootView {
  const targets = targetsToLookAt(spec, capabilities).map((path): Found => ({ path, kind: path === hostsFile ? 'other' : 'hidden' }));
  return { mountpoints: wholeMountpoints, targets, defaults: null };
}

/** Where changes to the root stay, its /etc/hosts does too, with whatever the sandbox writes there. */
function addsHostname({ root, readOnlyRoot, binds }: FirmSpec, { features }: EngineCapabilities): boolean {
  return features.includes('hostname') && (isThrownAway(root) || readOnlyRoot) && !binds.some(({ target }) => target === hostsFile);
}

function isFileFor(look: Found | IsolateError | undefined): look is Found {
  return look !== undefined && !(look instanceof IsolateError) && (look.kind === 'other' || look.kind === 'missing');
}

/** Binds may bring the programs, and a root of one program needs no directories for it. */
function checkIsRoot({ binds, command }: SandboxSpec, { mountpoints }: RootView, name: string): void {
  if (mountpoints.hasPrograms || command[0].startsWith('/') || binds.some(({ optional }) => optional !== true)) return;
  throw new IsolateError('template-not-filesystem', `${name} does not look like a Linux root: it has no /bin, /usr or /lib.`, {
    hint: 'the section "The first template" of README.md shows how to make one',
  });
}
