import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { Descriptor, Launch } from '../launch/launch.ts';
import { kernelHint, type Machine } from '../machine/machine.ts';
import { formatQemu } from '../machine/qemu.ts';
import { describeSetup, encodeSetup } from '../machine/setup.ts';
import { describeSource, disksOf } from '../spec/bind.ts';
import { planNetwork } from '../machine/network.ts';
import type { Card, CheckedSpec, Limits } from '../spec/spec.ts';
import { checkLimits, groupLimits, planGroups } from './cgroup.ts';
import type { Engine, EngineCapabilities, PlanInput, Problem } from './engine.ts';
import { filterFile } from './filter-file.ts';
import { checkIdentity, checkUserNamespaces, planIdentity } from './identity.ts';
import { jailPaths, type MachineParts, planJail } from './kvm-jail.ts';
import { planSetup } from './kvm-setup.ts';
import { bindKind } from './placed-bind.ts';
import { planStage, stageCommandNumber, stageStatusNumber } from './stage.ts';

const programNumber = 13;
const setupNumber = 14;
const firstDiskNumber = 20;
/** An emulated machine on a host that is very busy takes many times the second that it takes alone. */
const bootMs = 60_000;
/** QEMU's microvm has places for eight devices of virtio, of which the share and the channel take one each. */
const mostDevices = 6;
const mebibyte = 2 ** 20;
const usualMemory = 512 * mebibyte;
/** With less the kernel does not reach init. */
const leastMemory = 64 * mebibyte;

const capabilities: EngineCapabilities = {
  isolates: true,
  features: [
    'read-only-root',
    'hostname',
    'guest-bind',
    'id-base',
    'cpu',
    'memory',
    'cpus',
    'accel',
    'disks',
    'cards',
    'kernel',
    'debug-init',
  ],
  variables: [],
  network: 'optional',
  mountpoints: ['/proc', '/sys', '/dev', '/tmp'],
  ownTrees: ['/proc', '/sys', '/dev', '/tmp'],
  seccomp: 'outside',
  ownMemoryBytes: 192 * 2 ** 20,
  kernel: 'own',
  nests: true,
  unprivileged: true,
};

/**
 * A machine of its own: QEMU with a small kernel and isolate's init (guest/). QEMU is in a sandbox that has nothing but its own files and
 * the run's root. The program of the launch is the host's end of the machine (machine/).
 */
export const kvmEngine: Engine = {
  name: 'kvm',
  summary: 'a virtual machine: a kernel of its own, with KVM or emulated',
  capabilities,
  check,
  plan,
};

function check(spec: CheckedSpec, facts: Facts): Problem[] {
  return [
    ...checkIdentity(spec, facts),
    ...checkUserNamespaces(facts),
    ...checkParts(facts),
    ...checkAcceleration(spec, facts),
    ...checkLimits(boundedLimits(spec.limits, facts), facts.cgroups, facts.user.rights),
    ...checkMachine(spec, facts),
  ];
}

function checkParts({ machine, files }: Facts): Problem[] {
  if (machine?.hasProcessor !== true) {
    return [{ code: 'unsupported-option', message: 'The kvm engine has machines for x86-64 processors only.', hint: 'use another engine' }];
  }
  const problems: Problem[] = [];
  if (machine.qemu === null) {
    problems.push({
      code: 'missing-tool',
      message: 'QEMU (qemu-system-x86_64) is not installed.',
      hint: 'apt-get install qemu-system-x86',
    });
  }
  if (machine.boot === null) {
    problems.push({
      code: 'missing-tool',
      message: `The kernel of machines is missing: ${files.kernel}`,
      hint: kernelHint,
    });
  }
  return problems;
}

function checkAcceleration({ acceleration }: CheckedSpec, { machine }: Facts): Problem[] {
  const why = machine?.withoutKvm ?? null;
  if (acceleration !== 'kvm' || why === null) return [];
  return [{ code: 'cannot-enforce', message: `KVM cannot be used: ${why}.`, hint: 'leave --accel out, or give --accel tcg' }];
}

function checkMachine(spec: CheckedSpec, facts: Facts): Problem[] {
  const problems: Problem[] = [];
  const { memoryBytes } = spec.limits;
  if (memoryBytes !== undefined && memoryBytes < leastMemory) {
    problems.push({ code: 'cannot-enforce', message: `A machine does not start with less memory than ${leastMemory / mebibyte}M.` });
  }
  if (facts.user.rights !== 'root' && (spec.uidBase ?? spec.gidBase) !== undefined) {
    const option = spec.uidBase === undefined ? '--gid-base' : '--uid-base';
    const message = `The kvm engine takes ${option} from root only: QEMU could not enter your directories.`;
    problems.push({ code: 'unsupported-option', message, hint: `leave ${option} out` });
  }
  const devices = disksOf(spec).length + cardsOf(spec).length;
  if (devices > mostDevices) {
    problems.push({
      code: 'unsupported-option',
      message: `A machine has at most ${mostDevices} disks, images and network cards together, and these are ${devices}.`,
    });
  }
  for (const bind of spec.binds) {
    const kind = bindKind(bind, facts);
    if (kind !== 'socket' && kind !== 'device') continue;
    problems.push({
      code: 'bad-bind',
      message: `The kvm engine cannot bind ${describeSource(bind)}: a ${kind} of this host means nothing to another kernel.`,
    });
  }
  return problems;
}

function plan(input: PlanInput): Launch {
  const { spec, facts } = input;
  const parts = partsOf(facts);
  const identity = planIdentity(input);
  const jail = planJail(input, identity, parts);
  const disks = disksOf(spec);
  const network = planNetwork(cardsOf(spec));
  const machine: Machine = {
    acceleration: spec.acceleration === 'tcg' || parts.withoutKvm !== null ? 'tcg' : 'kvm',
    cpus: spec.cpus ?? 1,
    memoryBytes: spec.limits.memoryBytes ?? usualMemory,
    board: parts.boot.board,
    kernel: jailPaths.kernel,
    initramfs: jailPaths.initramfs,
    share: jailPaths.share,
    disks: disks.map(({ format, readOnly }) => ({ format, readOnly })),
    cards: network.cards,
    talks: spec.debugInit,
  };
  const setup = planSetup(input, jail.binds, network);
  const stage = planStage({ ...spec, seccomp: false });
  const descriptors: Descriptor[] = [
    ...stage.descriptors.filter(({ kind }) => kind !== 'stage'),
    { number: programNumber, kind: 'file', path: facts.files.machine },
    { number: setupNumber, kind: 'data', label: 'setup', content: encodeSetup(setup), shown: { text: describeSetup(setup) } },
    ...disks.map(({ file, readOnly }, index): Descriptor => ({
      number: firstDiskNumber + index,
      kind: 'file',
      path: file,
      access: readOnly ? 'read-only' : 'read-write',
    })),
  ];
  return {
    engine: 'kvm',
    file: programNumber,
    args: [
      'isolate-machine',
      ...[stageStatusNumber, stageCommandNumber, setupNumber, bootMs].map(String),
      disks.map((_, index) => firstDiskNumber + index).join(','),
      spec.debugInit ? 'shown' : 'hidden',
      ...formatQemu(parts.qemu, machine),
    ],
    environment: {},
    descriptors,
    userNamespace: identity.userNamespace,
    mountNamespace: true,
    networkNamespace: !spec.shareNetwork,
    pidNamespace: true,
    hostMounts: jail.hostMounts,
    sandboxMounts: jail.sandboxMounts,
    ...planGroups({ ...input, spec: { ...spec, limits: groupLimits(boundedLimits(spec.limits, facts), capabilities) } }),
    root: jail.path,
    workingDirectory: '/',
    containedStreams: true,
    noNewPrivileges: true,
    seccompFilter: filterFile(spec, facts),
    graceMs: spec.graceMs,
    deadlineMs: spec.timeoutMs ?? null,
  };
}

/** `check` has refused what lacks one. */
function partsOf({ machine }: Facts): MachineParts {
  const { qemu = null, boot = null } = machine ?? {};
  if (machine === undefined || qemu === null || boot === null)
    throw new IsolateError('internal', 'A machine without its parts was planned.');
  return { ...machine, qemu, boot };
}

function cardsOf({ cards, shareNetwork }: Pick<CheckedSpec, 'cards' | 'shareNetwork'>): readonly Card[] {
  if (cards.length > 0 || !shareNetwork) return cards;
  return [{ dhcp: true, addresses: [], routes: [] }];
}

/** The machine has no more memory than its limit, so that needs no group; where there can be one, it also bounds what QEMU takes. */
function boundedLimits({ memoryBytes, ...limits }: Limits, { cgroups }: Pick<Facts, 'cgroups'>): Limits {
  return memoryBytes === undefined || cgroups.memory === null ? limits : { ...limits, memoryBytes };
}
