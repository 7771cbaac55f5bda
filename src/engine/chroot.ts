import { isDirectoryClone } from '../spec/root-ref.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { RootPart } from '../rootfs/rootfs.ts';
import type { CheckedSpec } from '../spec/spec.ts';
import type { Engine, EngineCapabilities, PlanInput, Problem } from './engine.ts';
import { filterFile } from './filter-file.ts';
import { planInside } from './inside.ts';
import { checkRootPrivileges } from './identity.ts';
import type { Launch, MountOperation } from '../launch/launch.ts';
import type { FileSystemFlag } from '../launch/operations.ts';
import { planMissing } from './made-targets.ts';
import { type PlacedBind, placeBinds, planMemory } from './placed-bind.ts';
import { planStage, stageFileNumber, stageName } from './stage.ts';

const capabilities: EngineCapabilities = {
  isolates: false,
  features: [],
  variables: [],
  network: 'always-shared',
  mountpoints: ['/proc', '/sys', '/dev'],
  ownTrees: ['/proc', '/sys', '/dev'],
  seccomp: 'whole',
  kernel: 'hosts',
  nests: false,
  unprivileged: false,
};

/**
 * For maintaining templates as root: the command is the host's root in another root directory. Its mounts are in a mount namespace of the
 * run and its processes in a pid namespace, so both are gone after it.
 */
export const chrootEngine: Engine = {
  name: 'chroot',
  summary: 'for maintaining templates as root; isolates nothing',
  capabilities,
  check,
  plan,
};

function check(spec: CheckedSpec, facts: Facts): Problem[] {
  if (facts.user.rights !== 'root') {
    return [{ code: 'not-permitted', message: 'The chroot engine needs root.', hint: 'run isolate with sudo, or use -e bwrap' }];
  }
  const refused = spec.binds
    .filter(({ target }) => /^\/(?:proc|sys|dev)(?:\/|$)/.test(target))
    .map(({ target }): Problem => ({
      code: 'bad-bind',
      message: `The chroot engine cannot bind anything to ${target}: it shows /proc, /sys and /dev of this host.`,
    }));
  const problems: Problem[] = [...checkRootPrivileges(facts, ['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT']), ...refused];
  if (isDirectoryClone(spec.root)) {
    problems.push({
      code: 'unsupported-option',
      message: 'The chroot engine keeps its changes, so it cannot be combined with --ephemeral.',
      hint: 'use -e bwrap with --ephemeral, or leave --ephemeral out',
    });
  }
  return problems;
}

function plan(input: PlanInput): Launch {
  const { spec, facts } = input;
  const [part] = input.rootfs.parts;
  if (part.kind === 'overlay') throw new IsolateError('unsupported-option', 'The chroot engine cannot run on an overlay.');
  const root = part.kind === 'given' ? `${input.sandboxDirectory}/root` : part.source;
  const stage = planStage(spec);
  const places = { directory: `${input.sandboxDirectory}/binds`, isGathered: false };
  const binds = placeBinds(spec.binds, facts, places);
  const missing = planMissing(input.findings, { binds, root, layer: null });
  return {
    engine: 'chroot',
    file: stageFileNumber,
    args: [stageName, ...stage.args],
    environment: {},
    descriptors: stage.descriptors,
    userNamespace: null,
    mountNamespace: true,
    pidNamespace: true,
    hostMounts: [
      ...gather(input, places.directory, part.kind === 'given' ? [root] : []),
      placeRoot(part, root),
      ...missing,
      ...systemMounts(root),
      ...binds.map((wanted) => bind(root, wanted)),
    ],
    sandboxMounts: [],
    cgroups: [],
    root,
    workingDirectory: spec.workingDirectory,
    inside: {
      ...planInside(input, spec.seccomp ? filterFile(spec, facts) : null),
      capabilities: { held: 'callers', mask: 0 },
      noNewPrivileges: false,
      variable: '',
    },
    noNewPrivileges: false,
    seccompFilter: spec.seccomp ? filterFile(spec, facts) : null,
    graceMs: spec.graceMs,
    deadlineMs: spec.timeoutMs ?? null,
  };
}

/** The rootfs becomes a mount of its own, so that mounts below it appear only on it. */
function placeRoot(part: RootPart, root: string): MountOperation {
  if (part.kind === 'given') return { kind: 'attach', source: part.name, target: root, flags: [], idmap: 'none' };
  return {
    kind: 'bind',
    source: root,
    target: root,
    recursive: true,
    readOnly: false,
    noSuid: false,
    noDev: false,
    idmap: 'none',
    create: 'none',
  };
}

/** What is put together in the mount namespace of the run, over a directory that is empty on the host: memory, and places for roots. */
function gather({ spec, sandboxDirectory: target }: PlanInput, directory: string, roots: readonly string[]): MountOperation[] {
  const { places, mounts } = planMemory(spec.binds, directory, { uid: 0, gid: 0 });
  if (mounts.length + roots.length === 0) return [];
  const gathered: MountOperation = {
    kind: 'mount',
    type: 'tmpfs',
    source: 'isolate',
    target,
    flags: ['nosuid', 'nodev'],
    options: 'mode=0755,size=1m',
  };
  return [gathered, ...[...roots, directory].map((path): MountOperation => ({ kind: 'mkdir', path, mode: 0o755 })), ...places, ...mounts];
}

function systemMounts(root: string): MountOperation[] {
  const mount = (type: string, target: string, flags: readonly FileSystemFlag[], options: string): MountOperation => ({
    kind: 'mount',
    type,
    source: type,
    root,
    target,
    flags,
    options,
  });
  return [
    mount('proc', '/proc', ['nosuid', 'nodev', 'noexec'], ''),
    mount('sysfs', '/sys', ['nosuid', 'nodev', 'noexec', 'ro'], ''),
    bind(root, { source: '/dev', target: '/dev', readOnly: false }),
  ];
}

function bind(root: string, { source, target, readOnly }: Omit<PlacedBind, 'kind'>): MountOperation {
  return { kind: 'bind', source, root, target, recursive: true, readOnly, noSuid: false, noDev: false, idmap: 'none', create: 'none' };
}
