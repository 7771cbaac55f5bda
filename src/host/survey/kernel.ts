import { existsSync, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';

import { hasSystemd } from '../daemon-start.ts';
import type { CgroupFacts, Facts, IdRange, UserFacts } from '../facts.ts';
import { filesystemName } from '../filesystem.ts';
import { isAtLeast, parseRelease } from '../kernel-release.ts';
import { parseMountinfo } from '../mountinfo.ts';
import { canIdmap } from '../path-facts.ts';
import { readUserNamespaceSettings } from '../probe.ts';
import { readText } from '../read-text.ts';
import { idsPerSandbox } from '../../spec/parse-number.ts';
import { answerUserNamespaces, type UserNamespaceAnswer } from '../user-namespaces.ts';
import { type Check, ok } from './check.ts';
import type { Rights } from '../rights.ts';

/** What the kernel and its settings allow this caller; `daemonLimits` are the limits that the daemon can set for users' runs. */
export function checkKernel(facts: Facts, stateDirectory: string, daemonLimits: readonly string[]): readonly Check[] {
  return [
    checkUserNamespaces(facts.user.rights),
    checkAppArmor(),
    checkSubordinateIds(facts.user),
    checkPrivileges(facts),
    checkCgroups(facts.cgroups, facts.user.rights, daemonLimits),
    checkIdmappedMounts(stateDirectory),
    checkOverlay(),
    checkSeccomp(),
    checkKeyrings(),
    checkPropagation(),
  ];
}

const reasons: Readonly<Record<Exclude<UserNamespaceAnswer, 'allowed'>, readonly [fact: string, hint?: string]>> = {
  unsupported: ['the kernel has no user namespaces'],
  'maximum-zero': ['user.max_user_namespaces is 0', 'sysctl -w user.max_user_namespaces=65536'],
  'clone-disabled': ['only root may make user namespaces', 'sysctl -w kernel.unprivileged_userns_clone=1'],
  'apparmor-restricted': [
    'AppArmor lets only root and programs with a profile make user namespaces',
    'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
};

function checkUserNamespaces(rights: Rights): Check {
  const settings = readUserNamespaceSettings();
  const own = answerUserNamespaces(settings, rights);
  const answer = own === 'allowed' ? answerUserNamespaces({ ...settings, apparmorRestriction: null }, 'user') : own;
  if (answer === 'allowed') return ok('user-namespaces', `user namespaces can be made, up to ${settings.maximum?.trim()}`);
  const [fact, hint] = reasons[answer];
  return { id: 'user-namespaces', state: own === 'allowed' ? 'limited' : 'missing', fact, ...(hint === undefined ? {} : { hint }) };
}

function checkAppArmor(): Check {
  const restriction = readText('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')?.trim();
  if (restriction === '1') {
    const [fact, hint] = reasons['apparmor-restricted'];
    return { id: 'apparmor', state: 'limited', fact, ...(hint === undefined ? {} : { hint }) };
  }
  return ok(
    'apparmor',
    restriction === undefined ? 'AppArmor has no restriction of user namespaces here' : 'AppArmor does not restrict user namespaces',
  );
}

function checkSubordinateIds(user: UserFacts): Check {
  if (user.rights === 'root') {
    const { start, count } = user.sandboxUids;
    return ok('subordinate-ids', `root's sandboxes use the ids from ${start} to ${start + count - 1}`);
  }
  const [uids, gids] = [countIds(user.subordinateUids), countIds(user.subordinateGids)];
  const fact = `you have ${uids} subordinate user ids and ${gids} group ids`;
  if (Math.min(uids, gids) >= idsPerSandbox) return ok('subordinate-ids', fact);
  return {
    id: 'subordinate-ids',
    state: 'limited',
    fact: `${fact}: packages that create users cannot be installed inside`,
    hint: `as root: ${user.subordinateIdsCommand}`,
  };
}

function countIds(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0);
}

function checkPrivileges({ user, privileges }: Facts): Check {
  const id = 'privileges';
  if (user.rights === 'root') {
    const { missing } = privileges;
    if (missing.length === 0) return ok(id, 'root has all capabilities that a run needs');
    return {
      id,
      state: 'missing',
      fact: `root lacks ${missing.join(', ')}`,
      hint: 'give them to the container or service isolate runs in',
    };
  }
  if (privileges.withheld === null) return ok(id, 'newuidmap can gain the rights that it needs');
  return {
    id,
    state: 'limited',
    fact: `${privileges.withheld}, so newuidmap gains no rights and a sandbox has a single id`,
    hint: 'run isolate outside the service or container that takes them away',
  };
}

function checkCgroups(cgroups: CgroupFacts, rights: Rights, daemonLimits: readonly string[]): Check {
  const names = ['cpu', 'memory', 'pids'] as const;
  const absent = names.filter((name) => cgroups[name] === null);
  const present = names.flatMap((name) => (cgroups[name] === null ? [] : [`${name} (version ${cgroups[name].version})`]));
  if (absent.length === 0) return ok('cgroups', `limits work for ${present.join(', ')}`);
  if (rights === 'user' && absent.every((name) => daemonLimits.includes(name))) {
    const own = present.length === 0 ? '' : `; elsewhere they work for ${present.join(', ')}`;
    return ok('cgroups', `on clones (-z) the daemon sets limits for ${daemonLimits.join(', ')}${own}`);
  }
  return {
    id: 'cgroups',
    state: 'limited',
    fact: `limits do not work for ${absent.join(', ')}${present.length === 0 ? '' : `; they work for ${present.join(', ')}`}`,
    ...hintCgroups(absent, rights),
  };
}

function hintCgroups(absent: readonly string[], rights: Rights): Pick<Check, 'hint'> {
  const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  if (rights === 'user')
    return { hint: isUnified && hasSystemd() ? 'systemd-run --user --scope --property=Delegate=yes isolate ...' : 'sudo isolate ...' };
  if (!isUnified) return { hint: 'boot with systemd.unified_cgroup_hierarchy=1; in a container, give it these controllers' };
  return { hint: `printf '${absent.map((name) => `+${name}`).join(' ')}' > /sys/fs/cgroup/cgroup.subtree_control` };
}

function checkIdmappedMounts(stateDirectory: string): Check {
  const id = 'idmapped-mounts';
  const directory = nearestDirectory(stateDirectory);
  const name = filesystemName(statfsSync(directory).type);
  if (canIdmap(directory, statSync(directory))) return ok(id, `${directory} is on ${name}, which can be mounted idmapped`);
  if (!isAtLeast(parseRelease(release()), 5, 12)) {
    return { id, state: 'too-old', fact: `Linux ${release()}; 5.12 or later is needed`, hint: 'upgrade to Debian 12 or later' };
  }
  return {
    id,
    state: 'limited',
    fact: `${directory} is on ${name}, which cannot be mounted idmapped`,
    hint: 'keep templates on ext4, xfs, btrfs or OpenZFS 2.2',
  };
}

function nearestDirectory(path: string): string {
  return existsSync(path) ? path : nearestDirectory(dirname(path));
}

function checkOverlay(): Check {
  if (!/\toverlay$/m.test(readText('/proc/filesystems') ?? '')) {
    return { id: 'overlayfs', state: 'missing', fact: 'the kernel has no overlayfs, or has not loaded it', hint: 'modprobe overlay' };
  }
  if (isAtLeast(parseRelease(release()), 5, 11)) return ok('overlayfs', 'overlayfs works in user namespaces');
  return {
    id: 'overlayfs',
    state: 'too-old',
    fact: 'overlayfs works in user namespaces since Linux 5.11',
    hint: 'upgrade to Debian 12 or later',
  };
}

function checkSeccomp(): Check {
  const actions = readText('/proc/sys/kernel/seccomp/actions_avail');
  if (actions?.includes('kill_process') === true) return ok('seccomp', 'the kernel has system-call filters');
  return { id: 'seccomp', state: 'missing', fact: 'the kernel has no system-call filters; runs need --no-seccomp' };
}

function checkKeyrings(): Check {
  if (existsSync('/proc/keys')) return ok('keyring', 'every run gets a session keyring of its own');
  return ok('keyring', 'the kernel has no keyrings, so there are none to protect');
}

function checkPropagation(): Check {
  const mounts = parseMountinfo(readText('/proc/self/mountinfo') ?? '');
  const root = mounts.findLast((mount) => mount.mountpoint === '/');
  if (root?.propagation.some((tag) => tag.startsWith('shared:')) === true) return ok('propagation', 'mounts on / are shared with services');
  return {
    id: 'propagation',
    state: 'limited',
    fact: 'mounts on / are not shared: services keep copies of clones, which then cannot be destroyed',
    hint: 'mount --make-rshared /, then restart the services that isolate status names',
  };
}
