import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { chooseBridge } from '../host/lxc-paths.ts';
import { type IdMapEntry, sourceOf } from '../rootfs/rootfs.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import { planGroups } from './cgroup.ts';
import type { Engine, EngineCapabilities, PlanInput } from './engine.ts';
import { hostnameFor } from './hostname.ts';
import { type IdentityPlan, planIdentity } from './identity.ts';
import { planInside } from './inside.ts';
import { capabilityMask, keptCapabilities, type SandboxCapability } from './kept-capabilities.ts';
import type { Descriptor, Launch } from '../launch/launch.ts';
import { checkLxc } from './lxc-check.ts';
import { encodeLxcConfig, type LxcSetting } from './lxc-config.ts';
import { type LxcMounts, planLxcMounts } from './lxc-mounts.ts';
import { planStage, stageFile } from './stage.ts';

const configNumber = 3;
const profileNumber = 4;

const capabilities: EngineCapabilities = {
  isolates: true,
  features: ['read-only-root', 'hostname', 'id-base', 'cpu', 'memory', 'pids', 'bridge', 'tun', 'log'],
  variables: ['LXC_NET_BR', 'LXC_MAP_TUN', 'LXC_CPU_QUOTA', 'LXC_MEM_MB_QUOTA', 'DEBUG_LXC_SPAWN'],
  network: 'optional',
  mountpoints: ['/proc', '/sys', '/dev'],
  ownTrees: ['/dev'],
  seccomp: 'smaller',
  kernel: 'hosts',
  nests: true,
  unprivileged: true,
};

/**
 * LXC 5 or later, through lxc-execute(1): unlike lxc-start it passes on the exit status, and unlike lxc-attach it leaves the standard
 * streams alone. Its init is lxc-execute itself, forked, so no file of LXC or isolate is in the rootfs.
 */
export const lxcEngine: Engine = {
  name: 'lxc',
  summary: 'LXC containers: quotas, a network bridge, tunnels',
  capabilities,
  check: checkLxc,
  plan,
};

function plan(input: PlanInput): Launch {
  const { spec, facts, rootfs } = input;
  const nested = facts.user.rights !== 'root' || rootfs.parts[0].kind === 'overlay';
  if (nested && spec.shareNetwork) {
    throw new IsolateError('unsupported-option', `The lxc engine cannot connect a sandbox on ${sourceOf(rootfs)} to a bridge.`);
  }
  const identity = planIdentity(input);
  const mounts = planLxcMounts(input, identity, nested);
  const settings = containerSettings(input, identity, mounts, nested);
  // LXC's init would wait for what the command leaves running; a stage that remains its parent kills that when the command ends.
  const stage = planStage(spec, { reaps: true });
  const descriptors: Descriptor[] = [
    { number: configNumber, kind: 'data', label: 'lxc configuration', content: encodeLxcConfig(settings), shown: 'lines' },
    ...(spec.seccomp ? [{ number: profileNumber, kind: 'file', path: facts.files.lxcSeccompProfile } as const] : []),
    ...stage.descriptors,
  ];
  return {
    engine: 'lxc',
    file: facts.tools['lxc-execute'] ?? '/usr/bin/lxc-execute',
    args: ['lxc-execute', ...lxcOptions(input, mounts), '--', stageFile, ...stage.args],
    // Without PATH, LXC writes the id maps itself; newuidmap would look up root in /etc/subuid.
    environment: nested ? { HOME: mounts.lxcPath, XDG_RUNTIME_DIR: mounts.lxcPath } : {},
    descriptors,
    userNamespace: nested ? identity.userNamespace : { ...identity.userNamespace, mapsOnly: true },
    mountNamespace: true,
    networkNamespace: nested,
    pidNamespace: false,
    hostMounts: mounts.hostMounts,
    sandboxMounts: mounts.sandboxMounts,
    ...planGroups(input),
    root: null,
    workingDirectory: '/',
    stageTakesTerminal: true,
    containedStreams: true,
    inside: {
      ...planInside(input, spec.seccomp ? facts.files.lxcFilter : null),
      capabilities: { held: 'bounding', mask: capabilityMask(keptIn(spec)) },
      noGroups: true,
      variable: 'container=lxc',
    },
    noNewPrivileges: false,
    seccompFilter: null,
    graceMs: spec.graceMs,
    deadlineMs: spec.timeoutMs ?? null,
  };
}

function lxcOptions({ spec, runId }: PlanInput, { lxcPath }: LxcMounts): string[] {
  return [
    `--name=isolate-${runId}`,
    `--lxcpath=${lxcPath}`,
    `--rcfile=/proc/self/fd/${configNumber}`,
    ...(spec.engineLog === undefined ? [] : [`--logfile=${spec.engineLog}`, '--logpriority=DEBUG']),
  ];
}

function containerSettings({ spec, facts }: PlanInput, { userNamespace }: IdentityPlan, mounts: LxcMounts, nested: boolean): LxcSetting[] {
  return [
    ['lxc.uts.name', hostnameFor(spec)],
    ['lxc.rootfs.path', `dir:${mounts.root}`],
    ...(nested ? [] : [...idSettings('u', userNamespace.uidMap), ...idSettings('g', userNamespace.gidMap)]),
    ['lxc.mount.auto', 'proc:mixed sys:ro'],
    ['lxc.autodev', '1'],
    ['lxc.autodev.tmpfs.size', '500000'],
    ...mounts.entries.map((entry): LxcSetting => ['lxc.mount.entry', entry]),
    // No console: LXC leaves the standard streams as they are, pipes and the launcher's terminal alike.
    ['lxc.console.path', 'none'],
    ['lxc.tty.max', '0'],
    ['lxc.pty.max', '1024'],
    ...networkSettings(spec, facts),
    ['lxc.cap.keep', keptIn(spec).map(lxcName).join(' ')],
    ['lxc.no_new_privs', '1'],
    ['lxc.keyring.session', '1'],
    // A profile would have to be loaded into the kernel for every run; namespaces, ids and the filter isolate here.
    ['lxc.apparmor.profile', 'unconfined'],
    ...(spec.seccomp ? [['lxc.seccomp.profile', `/proc/self/fd/${profileNumber}`] as const] : []),
    ['lxc.init.cwd', spec.workingDirectory],
  ];
}

function lxcName(capability: SandboxCapability): string {
  return capability.replace(/^CAP_/, '').toLowerCase();
}

function idSettings(kind: 'u' | 'g', map: readonly IdMapEntry[]): LxcSetting[] {
  return map.map(({ inside, outside, count }) => ['lxc.idmap', `${kind} ${inside} ${outside} ${count}`]);
}

function networkSettings(spec: SandboxSpec, facts: Facts): LxcSetting[] {
  if (!spec.shareNetwork) {
    return [
      ['lxc.net.0.type', 'empty'],
      ['lxc.net.0.flags', 'up'],
    ];
  }
  return [
    ['lxc.net.0.type', 'veth'],
    ['lxc.net.0.link', chooseBridge(spec, facts)],
    ['lxc.net.0.name', 'eth0'],
    ['lxc.net.0.flags', 'up'],
  ];
}

/** A sandbox with an interface of its own sets it up itself, in its own network namespace. */
function keptIn({ shareNetwork, tun }: SandboxSpec): readonly SandboxCapability[] {
  return [...keptCapabilities, ...(shareNetwork || tun ? (['CAP_NET_ADMIN'] as const) : [])];
}
