import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import { bridgeDirectory, chooseBridge, defaultBridges, tunDevice } from '../host/lxc-paths.ts';
import { isOverlaid } from '../spec/root-ref.ts';
import type { CheckedSpec } from '../spec/spec.ts';
import { checkLimits } from './cgroup.ts';
import type { Problem } from './engine.ts';
import { checkIdentity, checkUserNamespaces, entersOwnDirectories } from './identity.ts';
import { encodeLxcConfig } from './lxc-config.ts';

/** Every reason why LXC cannot run this here. */
export function checkLxc(spec: CheckedSpec, facts: Facts): Problem[] {
  const problems: Problem[] = [
    ...checkOwnDirectories(spec, facts),
    ...checkIdentity(spec, facts),
    ...checkLimits(spec.limits, facts.cgroups, facts.user.rights),
    ...checkTargets(spec),
    ...checkValues(spec),
  ];
  if (facts.tools['lxc-execute'] === null) {
    problems.push({ code: 'missing-tool', message: 'LXC (lxc-execute) is not installed.', hint: 'apt-get install lxc' });
  }
  problems.push(...checkUserNamespaces(facts));
  if (facts.user.rights !== 'root') problems.push(...checkSubordinateIds(spec, facts));
  if (spec.shareNetwork) problems.push(...checkNetwork(spec, facts));
  if (spec.engineLog !== undefined && facts.user.rights === 'root' && isNested(spec, facts)) {
    problems.push({ code: 'unsupported-option', message: 'LXC cannot write a log of a run on a throw-away overlay.' });
  }
  if (spec.tun && facts.paths[tunDevice] === undefined) {
    problems.push({ code: 'cannot-enforce', message: `${tunDevice} does not exist on this host.`, hint: 'modprobe tun' });
  }
  return problems;
}

/** LXC needs a directory to work in. */
function checkOwnDirectories(spec: CheckedSpec, facts: Facts): Problem[] {
  if (spec.root.kind !== 'directory' || entersOwnDirectories(spec, facts)) return [];
  const message = 'The lxc engine supports --uid-base only for root: LXC would have to work in your directories with other ids.';
  return [{ code: 'unsupported-option', message, hint: 'use -e bwrap, or leave --uid-base out' }];
}

/** With a single id mapped the kernel denies setgroups(2), without which LXC starts nothing. The daemon maps them itself. */
function checkSubordinateIds({ root }: CheckedSpec, { user, tools, privileges }: Facts): Problem[] {
  const canMap = root.kind === 'volume' || (tools.newuidmap !== null && tools.newgidmap !== null && privileges.withheld === null);
  if (user.subordinateUids.length > 0 && user.subordinateGids.length > 0 && canMap) return [];
  if (privileges.withheld !== null) {
    const message = `The lxc engine needs subordinate ids, and newuidmap gains no rights here: ${privileges.withheld}.`;
    return [{ code: 'cannot-enforce', message, hint: 'use -e bwrap, which works with a single id' }];
  }
  return [
    {
      code: 'cannot-enforce',
      message: 'The lxc engine needs subordinate ids, and you have none or no newuidmap to use them.',
      hint: `run isolate with sudo, use -e bwrap, or as root: apt-get install uidmap && ${user.subordinateIdsCommand}`,
    },
  ];
}

function checkNetwork(spec: CheckedSpec, facts: Facts): Problem[] {
  const bridge = chooseBridge(spec, facts);
  const problems: Problem[] = [];
  if (facts.user.rights !== 'root') {
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

/** LXC mounts /proc and /sys again, over anything that a bind put there. */
function checkTargets({ binds }: CheckedSpec): Problem[] {
  return binds
    .filter(({ target }) => /^\/(proc|sys|dev)\/*$/.test(target) || /^\/(proc|sys)\//.test(target))
    .map(({ target }) => ({
      code: 'bad-bind',
      message: `The lxc engine cannot bind anything to ${target}.`,
      hint: 'choose a target that is not in /proc or /sys and not /dev itself',
    }));
}

/** The user's values have to fit into LXC's configuration. */
function checkValues({ workingDirectory = '/' }: CheckedSpec): Problem[] {
  try {
    encodeLxcConfig([['lxc.init.cwd', workingDirectory]]);
    return [];
  } catch (error) {
    if (!(error instanceof IsolateError)) throw error;
    return [{ code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) }];
  }
}

/**
 * Whether LXC runs inside the launcher's user namespace instead of making one: for users other than root, and for an overlay, which the
 * namespace must mount itself. In root's other launches LXC stays outside, where bridges are.
 */
function isNested(spec: CheckedSpec, facts: Facts): boolean {
  return facts.user.rights !== 'root' || isOverlaid(spec.root);
}
