import { IsolateError } from '../error.ts';
import type { HostFacts, IdRange, PathFacts, UserFacts } from '../host/facts.ts';
import type { SandboxSpec } from '../spec/spec.ts';
import type { PlanInput, Problem } from './engine.ts';
import type { Idmap, UserNamespace } from './launch.ts';

/** How many ids a sandbox of root's gets: enough for every system and user id of a Linux root. */
export const rangeSize = 65_536;

/** Whose ids a sandbox runs under, and how the ids on its rootfs are translated. */
export interface IdentityPlan {
  readonly userNamespace: UserNamespace;
  readonly rootIdmap: Idmap;
}

/**
 * Decides the ids of a sandbox: root's runs get a range of their own with the rootfs mounted idmapped (or the range
 * the rootfs was shifted to), other users' runs their own id as 0 and their subordinate ids behind it. Kernel uid 0 is
 * never part of a map. Throws `cannot-enforce` where the rootfs allows neither. (user_namespaces(7), mount_setattr(2))
 */
export function planIdentity(input: IdentityInput): IdentityPlan {
  const { handedOver } = input.rootfs;
  if (handedOver !== undefined) return { userNamespace: { ...handedOver, writer: 'given' }, rootIdmap: 'none' };
  return input.facts.user.uid === 0 ? planRootIdentity(input) : planUserIdentity(input.spec, input.facts);
}

/** The part of a plan's input that ids depend on. */
export type IdentityInput = Pick<PlanInput, 'rootfs' | 'facts' | 'idSlot'> & { readonly spec: Pick<SandboxSpec, 'uidBase' | 'gidBase'> };

/** What can be said about the ids before there is a rootfs. */
export function checkIdentity(spec: SandboxSpec, facts: HostFacts): Problem[] {
  const problems: Problem[] = [];
  for (const [option, base] of [
    ['--uid-base', spec.uidBase],
    ['--gid-base', spec.gidBase],
  ] as const) {
    if (base === undefined) continue;
    // Root's maps are written without anybody asking, so what they may cover is decided here; others ask newuidmap(1).
    if (base === 0 || (facts.user.uid === 0 && base < rangeSize)) {
      problems.push({
        code: 'cannot-enforce',
        message: `${option} ${base} would run the sandbox with ids that belong to root or users of this host.`,
        hint: `give a base of at least ${rangeSize}, or leave ${option} out`,
      });
    }
  }
  if (facts.user.uid !== 0) problems.push(...checkUserRange(spec, facts));
  return problems;
}

/**
 * How a bind of root's is shown: the owner of its source as the sandbox's 0, unless user or group is root's: what the sandbox
 * leaves there set-uid or set-gid must not be the host's root.
 */
export function planBindIdmap(facts: HostFacts, path: PathFacts | undefined): Idmap {
  if (facts.user.uid !== 0 || path === undefined || !path.idmappable || path.uid === 0 || path.gid === 0) return 'none';
  return { uid: path.uid, gid: path.gid };
}

function planRootIdentity({ spec, rootfs, facts, idSlot }: IdentityInput): IdentityPlan {
  const { ownership } = rootfs;
  if (ownership.kind === 'shifted') {
    const { uidBase, gidBase } = ownership;
    if ((spec.uidBase ?? uidBase) !== uidBase || (spec.gidBase ?? gidBase) !== gidBase) {
      throw new IsolateError(
        'cannot-enforce',
        `The files of ${rootfs.path} belong to ids from ${uidBase}/${gidBase}, not from ${spec.uidBase ?? uidBase}/${spec.gidBase ?? gidBase}.`,
        { hint: 'leave --uid-base and --gid-base out, or shift the ownership of the template to that base' },
      );
    }
    if (uidBase < rangeSize || gidBase < rangeSize) {
      throw new IsolateError(
        'cannot-enforce',
        `The root of ${rootfs.path} belongs to ${uidBase}:${gidBase}; a sandbox with ids from there would share them with users of this host.`,
        { hint: `chown it to 0:0, or shift the whole tree to ids from ${rangeSize} up` },
      );
    }
    return { userNamespace: directMap(uidBase, gidBase), rootIdmap: 'none' };
  }
  const idmappable = rootfs.layers === undefined ? rootfs.idmappable : rootfs.layers.lowerIdmappable && rootfs.layers.upperIdmappable;
  if (!idmappable) {
    throw new IsolateError(
      'cannot-enforce',
      `The files of ${rootfs.layers?.lower ?? rootfs.path} belong to the host's own root ids, and its file system cannot be mounted with other ones.`,
      {
        hint: 'run on clones of it with -z DATASET, keep it on ext4, xfs, btrfs or OpenZFS 2.2 and later, or, for maintenance, use -e chroot',
      },
    );
  }
  const uidBase = spec.uidBase ?? slotBase(facts.user.sandboxUids, idSlot);
  const gidBase = spec.gidBase ?? slotBase(facts.user.sandboxGids, idSlot);
  return { userNamespace: directMap(uidBase, gidBase), rootIdmap: 'sandbox' };
}

function slotBase(range: IdRange, slot: number): number {
  const slots = Math.max(1, Math.floor(range.count / rangeSize));
  return range.start + (slot % slots) * rangeSize;
}

function directMap(uidBase: number, gidBase: number): UserNamespace {
  return {
    uidMap: [{ inside: 0, outside: uidBase, count: rangeSize }],
    gidMap: [{ inside: 0, outside: gidBase, count: rangeSize }],
    writer: 'direct',
  };
}

function planUserIdentity(spec: IdentityInput['spec'], { user, tools }: HostFacts): IdentityPlan {
  const { newuidmap, newgidmap } = tools;
  if (!hasSubordinateIds(user) || newuidmap === null || newgidmap === null) {
    return { userNamespace: { ...singleMaps(user), writer: 'single' }, rootIdmap: 'none' };
  }
  return { userNamespace: { ...planUserMaps(user, spec), writer: 'newidmap', newuidmap, newgidmap }, rootIdmap: 'none' };
}

/** A user, as far as the ids of its sandboxes depend on it. */
export type UserIds = Pick<UserFacts, 'uid' | 'gid' | 'subordinateUids' | 'subordinateGids'>;

/**
 * The ids that a user's sandboxes have: the own one as 0 and the subordinate ones behind it, or the own one alone where
 * /etc/subuid and /etc/subgid do not give both kinds.
 */
export function planUserMaps(user: UserIds, spec: IdentityInput['spec'] = {}): UserMaps {
  const [uids] = user.subordinateUids;
  const [gids] = user.subordinateGids;
  if (uids === undefined || gids === undefined) return singleMaps(user);
  return { uidMap: userMap(user.uid, uids, spec.uidBase), gidMap: userMap(user.gid, gids, spec.gidBase) };
}

export type UserMaps = Pick<UserNamespace, 'uidMap' | 'gidMap'>;

function hasSubordinateIds({ subordinateUids, subordinateGids }: UserIds): boolean {
  return subordinateUids.length > 0 && subordinateGids.length > 0;
}

function singleMaps({ uid, gid }: UserIds): UserMaps {
  return { uidMap: [{ inside: 0, outside: uid, count: 1 }], gidMap: [{ inside: 0, outside: gid, count: 1 }] };
}

function userMap(own: number, subordinate: IdRange, base: number | undefined): UserNamespace['uidMap'] {
  if (base !== undefined) return [{ inside: 0, outside: base, count: Math.min(rangeSize, subordinate.start + subordinate.count - base) }];
  return [
    { inside: 0, outside: own, count: 1 },
    { inside: 1, outside: subordinate.start, count: Math.min(rangeSize - 1, subordinate.count) },
  ];
}

function checkUserRange(spec: SandboxSpec, { user }: HostFacts): Problem[] {
  const wanted = [
    ['--uid-base', spec.uidBase, user.subordinateUids, '/etc/subuid'],
    ['--gid-base', spec.gidBase, user.subordinateGids, '/etc/subgid'],
  ] as const;
  return wanted.flatMap(([option, base, ranges, file]) => {
    const [range] = ranges;
    if (base === undefined || (range !== undefined && base >= range.start && base < range.start + range.count)) return [];
    const problem: Problem = {
      code: 'not-permitted',
      message: `${option} ${base} is not among your subordinate ids in ${file}.`,
      hint:
        range === undefined
          ? 'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER gives you some'
          : `yours begin at ${range.start}`,
    };
    return [problem];
  });
}
