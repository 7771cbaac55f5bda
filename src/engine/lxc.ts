import { IsolateError } from '../error.ts';
import type { HostFacts } from '../host/facts.ts';
import { bridgeDirectory, chooseBridge, defaultBridges, tunDevice } from '../host/lxc-paths.ts';
import { type IdMapEntry, sourceOf } from '../rootfs/rootfs.ts';
import { isOverlaid } from '../spec/root-ref.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import { checkLimits, planGroups } from './cgroup.ts';
import type { Engine, EngineCapabilities, PlanInput, Problem } from './engine.ts';
import { hostnameFor } from './hostname.ts';
import { checkIdentity, entersOwnDirectories, type IdentityPlan, planIdentity } from './identity.ts';
import { keptCapabilities } from './kept-capabilities.ts';
import type { Descriptor, Launch } from '../launch/launch.ts';
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
  nests: true,
  unprivileged: true,
};

/**
 * LXC 5 or later by lxc-execute(1): unlike lxc-start it passes the exit status on, and unlike lxc-attach it leaves the
 * standard streams alone. Its init is lxc-execute itself, forked: no file of LXC's or ours lies in the rootfs.
 */
export const lxcEngine: Engine = {
  name: 'lxc',
  summary: 'LXC containers: quotas, a network bridge, tunnels',
  capabilities,
  check,
  plan,
};

function check(spec: SandboxSpec, facts: HostFacts): Problem[] {
  const problems: Problem[] = [
    ...checkOwnDirectories(spec, facts),
    ...checkIdentity(spec, facts),
    ...checkLimits(spec.limits, facts.cgroups, facts.user.uid),
    ...checkTargets(spec),
    ...checkValues(spec),
  ];
  if (facts.tools['lxc-execute'] === null) {
    problems.push({ code: 'missing-tool', message: 'LXC (lxc-execute) is not installed.', hint: 'apt-get install lxc' });
  }
  if (!facts.userNamespaces) {
    problems.push({
      code: 'cannot-enforce',
      message: 'This host does not let you make user namespaces, and a sandbox never runs with ids of the host.',
      hint: 'isolate doctor shows what prevents it',
    });
  }
  if (facts.user.uid !== 0) problems.push(...checkSubordinateIds(spec, facts));
  if (spec.shareNetwork) problems.push(...checkNetwork(spec, facts));
  if (spec.engineLog !== undefined && facts.user.uid === 0 && isNested(spec, facts)) {
    problems.push({ code: 'unsupported-option', message: 'LXC cannot write a log of a run on a throw-away overlay.' });
  }
  if (spec.tun && facts.paths[tunDevice] === undefined) {
    problems.push({ code: 'cannot-enforce', message: `${tunDevice} does not exist on this host.`, hint: 'modprobe tun' });
  }
  return problems;
}

/** LXC needs a directory to work in. */
function checkOwnDirectories(spec: SandboxSpec, facts: HostFacts): Problem[] {
  if (spec.root.kind !== 'directory' || entersOwnDirectories(spec, facts)) return [];
  const message = 'The lxc engine cannot use --uid-base for you: LXC would have to work in a directory of yours, with other ids.';
  return [{ code: 'unsupported-option', message, hint: 'use -e bwrap, or leave --uid-base out' }];
}

/** With a single id mapped the kernel denies setgroups(2), without which LXC starts nothing. The daemon maps them itself. */
function checkSubordinateIds({ root }: SandboxSpec, { user, tools, privileges }: HostFacts): Problem[] {
  const canMap = root.kind === 'volume' || (tools.newuidmap !== null && tools.newgidmap !== null && privileges.withheld === null);
  if (user.subordinateUids.length > 0 && user.subordinateGids.length > 0 && canMap) return [];
  if (privileges.withheld !== null) {
    const message = `The lxc engine needs subordinate ids, and newuidmap gains no rights here: ${privileges.withheld}.`;
    return [{ code: 'cannot-enforce', message, hint: 'use -e bwrap, which does with a single id' }];
  }
  return [
    {
      code: 'cannot-enforce',
      message: 'The lxc engine needs subordinate ids, and you have none or no newuidmap to use them.',
      hint: 'run isolate with sudo, use -e bwrap, or as root: apt-get install uidmap && usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER',
    },
  ];
}

function checkNetwork(spec: SandboxSpec, facts: HostFacts): Problem[] {
  const bridge = chooseBridge(spec, facts);
  const problems: Problem[] = [];
  if (facts.user.uid !== 0) {
    problems.push({
      code: 'not-permitted',
      message: 'Only root can connect a sandbox to a bridge.',
      hint: 'run isolate with sudo, or use -e bwrap, whose -n shares the network of the host',
    });
  } else if (isNested(spec, facts)) {
    problems.push({
      code: 'unsupported-option',
      message: 'The lxc engine cannot connect a throw-away overlay to a bridge.',
      hint: 'use a ZFS clone, or leave --ephemeral out',
    });
  }
  if (!/^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,15}$/.test(bridge)) {
    problems.push({ code: 'bad-name', message: `${JSON.stringify(bridge)} is not a valid name for a network interface.` });
  } else if (facts.paths[bridgeDirectory(bridge)] === undefined) {
    problems.push({
      code: 'cannot-enforce',
      message: `There is no network bridge named ${spec.bridge ?? defaultBridges.join(' or ')} on this host.`,
      hint: `name another with --net-bridge, or make it: ip link add ${bridge} type bridge`,
    });
  }
  return problems;
}

/** LXC mounts these two again, over anything that a bind put there. */
function checkTargets({ binds }: SandboxSpec): Problem[] {
  return binds
    .filter(({ target }) => /^\/(proc|sys|dev)\/*$/.test(target) || /^\/(proc|sys)\//.test(target))
    .map(({ target }) => ({
      code: 'bad-bind',
      message: `The lxc engine cannot bind anything to ${target}.`,
      hint: 'choose a target outside of /proc and /sys, and below /dev',
    }));
}

/** What the user gave has to fit into LXC's configuration. */
function checkValues({ workingDirectory }: SandboxSpec): Problem[] {
  try {
    encodeLxcConfig([['lxc.init.cwd', workingDirectory]]);
    return [];
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return [{ code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) }];
  }
}

/**
 * Where LXC runs inside the user namespace the launcher made, instead of making it: for callers who are not root, and
 * for an overlay, which the namespace must mount itself. Root's other launches keep LXC outside, where bridges are.
 */
function isNested(spec: SandboxSpec, facts: HostFacts): boolean {
  return facts.user.uid !== 0 || isOverlaid(spec.root);
}

function plan(input: PlanInput): Launch {
  const { spec, facts, rootfs } = input;
  const nested = facts.user.uid !== 0 || rootfs.parts[0].kind === 'overlay';
  if (nested && spec.shareNetwork) {
    throw new IsolateError('unsupported-option', `The lxc engine cannot connect a sandbox on ${sourceOf(rootfs)} to a bridge.`);
  }
  const identity = planIdentity(input);
  const mounts = planLxcMounts(input, identity, nested);
  const settings = containerSettings(input, identity, mounts, nested);
  // LXC's init would wait for what the command leaves running; a stage that stays its parent ends that with the command.
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
    // No PATH: LXC then writes the id maps itself, where newuidmap would ask /etc/subuid for root's permission.
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
    ...(spec.readOnlyRoot ? [['lxc.rootfs.options', 'ro'] as const] : []),
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
    ['lxc.cap.keep', keptIn(spec).join(' ')],
    ['lxc.no_new_privs', '1'],
    ['lxc.keyring.session', '1'],
    // A profile has to be loaded into the kernel for every run; the walls here are the namespaces, ids and the filter.
    ['lxc.apparmor.profile', 'unconfined'],
    ...(spec.seccomp ? [['lxc.seccomp.profile', `/proc/self/fd/${profileNumber}`] as const] : []),
    ['lxc.init.cwd', spec.workingDirectory],
  ];
}

function idSettings(kind: 'u' | 'g', map: readonly IdMapEntry[]): LxcSetting[] {
  return map.map(({ inside, outside, count }) => ['lxc.idmap', `${kind} ${inside} ${outside} ${count}`]);
}

function networkSettings(spec: SandboxSpec, facts: HostFacts): LxcSetting[] {
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
function keptIn({ shareNetwork, tun }: SandboxSpec): string[] {
  const kept = [...keptCapabilities, ...(shareNetwork || tun ? ['CAP_NET_ADMIN'] : [])];
  return kept.map((name) => name.replace(/^CAP_/, '').toLowerCase());
}
