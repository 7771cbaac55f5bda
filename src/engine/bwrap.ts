import type { CheckedSpec } from '../spec/spec.ts';
import type { Facts } from '../host/facts.ts';
import { type BwrapOption, directoryOptions, encodeOptions, isolationOptions, rootOptions } from './bwrap-options.ts';
import { checkLimits, planGroups } from './cgroup.ts';
import { checkDesktop, planDesktop } from './desktop.ts';
import type { Engine, EngineCapabilities, PlanInput, Problem } from './engine.ts';
import { filterFile } from './filter-file.ts';
import { planInside } from './inside.ts';
import { hostnameFor } from './hostname.ts';
import { checkIdentity, checkUserNamespaces, planIdentity } from './identity.ts';
import { capabilityMask, keptCapabilities } from './kept-capabilities.ts';
import type { Descriptor, Launch, MountOperation } from '../launch/launch.ts';
import type { PlacedBind } from './placed-bind.ts';
import { planRootMounts } from './root-mounts.ts';
import { firstFreeNumber, planStage, stageFile } from './stage.ts';

const optionsNumber = 3;
const filterNumber = 4;

const capabilities: EngineCapabilities = {
  isolates: true,
  features: ['read-only-root', 'hostname', 'id-base', 'x11', 'pulse', 'wayland', 'gpu', 'cpu', 'memory', 'pids'],
  variables: [],
  network: 'optional',
  mountpoints: ['/proc', '/dev', '/tmp'],
  ownTrees: ['/dev', '/tmp'],
  seccomp: 'whole',
  kernel: 'hosts',
  nests: false,
  unprivileged: true,
};

/** Bubblewrap 0.8 or later, started inside a user namespace that the launcher made. (bwrap(1)) */
export const bwrapEngine: Engine = {
  name: 'bwrap',
  summary: 'bubblewrap: namespaces, a system-call filter, no daemon; the default',
  capabilities,
  check,
  plan,
};

function check(spec: CheckedSpec, facts: Facts): Problem[] {
  const problems = [...checkIdentity(spec, facts), ...checkLimits(spec.limits, facts.cgroups, facts.user.rights)];
  if (facts.tools.bwrap === null) {
    problems.push({ code: 'missing-tool', message: 'bubblewrap (bwrap) is not installed.', hint: 'apt-get install bubblewrap' });
  }
  problems.push(...checkUserNamespaces(facts));
  problems.push(...checkDesktop(spec, facts));
  return problems;
}

function plan(input: PlanInput): Launch {
  const { spec, facts } = input;
  const bwrap = facts.tools.bwrap ?? '/usr/bin/bwrap';
  const identity = planIdentity(input);
  const { tmp } = input.findings;
  const desktop = planDesktop(spec, facts, { tmp, firstNumber: firstFreeNumber });
  const binds = [...desktop.binds, ...spec.binds];
  const mounts = planRootMounts(input, identity, binds, { nested: true });
  const options: BwrapOption[] = [
    ...isolationOptions(spec, hostnameFor(spec)),
    ...rootOptions(mounts.root, spec.readOnlyRoot, facts.keyFiles, tmp),
    ...desktop.options,
    ...directoryOptions(binds, ['/dev', tmp], desktop.options),
    ...mounts.binds.map((bind): BwrapOption => [bindOption(bind), bind.source, bind.target]),
    ['--remount-ro', '/dev'],
    ...(spec.seccomp ? ([['--seccomp', String(filterNumber)]] as BwrapOption[]) : []),
    ['--chdir', spec.workingDirectory],
  ];
  const stage = planStage({ ...spec, environment: { ...desktop.environment, ...spec.environment } });
  const descriptors: Descriptor[] = [
    { number: optionsNumber, kind: 'data', label: 'options', content: encodeOptions(options), shown: 'words' },
    ...(spec.seccomp ? [{ number: filterNumber, kind: 'file', path: filterFile(spec, facts) } as const] : []),
    ...stage.descriptors,
    ...desktop.descriptors,
  ];
  return {
    engine: 'bwrap',
    file: bwrap,
    args: ['bwrap', '--args', String(optionsNumber), '--', stageFile, ...stage.args],
    // So /proc/1/environ in the sandbox is empty.
    environment: {},
    descriptors,
    userNamespace: identity.userNamespace,
    mountNamespace: true,
    pidNamespace: false,
    hostMounts: mounts.hostMounts,
    sandboxMounts: [...mounts.sandboxMounts, ...(facts.user.rights === 'root' ? [] : [sealProgram(bwrap)])],
    ...planGroups(input),
    root: null,
    workingDirectory: '/',
    containedStreams: true,
    diesWithParent: true,
    inside: {
      ...planInside(input, spec.seccomp ? filterFile(spec, facts) : null),
      capabilities: { held: 'ambient', mask: capabilityMask(keptCapabilities) },
      variable: `PWD=${spec.workingDirectory}`,
    },
    noNewPrivileges: false,
    seccompFilter: null,
    graceMs: spec.graceMs,
    deadlineMs: spec.timeoutMs ?? null,
  };
}

/**
 * A process of bubblewrap stays in the sandbox, and its /proc/1/exe leads to its file on the host. A file of the caller belongs to the
 * sandbox too, so it is executed from a mount on which nothing can be changed.
 */
function sealProgram(path: string): MountOperation {
  return {
    kind: 'bind',
    source: path,
    target: path,
    recursive: false,
    readOnly: true,
    noSuid: true,
    noDev: true,
    idmap: 'none',
    create: 'none',
  };
}

function bindOption({ kind, readOnly }: PlacedBind): string {
  if (kind === 'device') return '--dev-bind';
  return readOnly ? '--ro-bind' : '--bind';
}
