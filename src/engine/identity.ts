import { IsolateError } from '../error.ts';
import type { Facts, IdRange, PathFacts } from '../host/facts.ts';
import type { NeededCapability } from '../host/privileges.ts';
import { type RootPart, sourceOf } from '../rootfs/rootfs.ts';
import { idsPerSandbox } from '../spec/parse-number.ts';
import { isDirectoryClone } from '../spec/root-ref.ts';
import type { CheckedSpec, SandboxSpec } from '../spec/spec.ts';
import type { PlanInput, Problem } from './engine.ts';
import { findRange, hasSubordinateIds, planUserMaps, singleMaps } from './user-maps.ts';
import type { Idmap, UserNamespace } from '../launch/launch.ts';

/** Whose ids a sandbox runs under, and how the ids on its rootfs are translated. */
export interface IdentityPlan {
  readonly userNamespace: UserNamespace;
  readonly rootIdmap: Extract<Idmap, string>;
}

/**
 * Decides the ids of a sandbox. Root's runs get a range of their own with the rootfs mounted idmapped, or the range to which the rootfs
 * was shifted. Other users' runs get the user's id as 0, followed by the subordinate ids. Kernel uid 0 is never part of a map. Throws
 * `cannot-enforce` if the rootfs allows none of this. (user_namespaces(7), mount_setattr(2))
 */
export function planIdentity(input: IdentityInput): IdentityPlan {
  const [part] = input.rootfs.parts;
  if (part.ownership.kind === 'mapped') {
    const { uidMap, gidMap } = part.ownership;
    return { userNamespace: { uidMap, gidMap, writer: 'given' }, rootIdmap: 'none' };
  }
  return input.facts.user.rights === 'root' ? planRootIdentity(input) : planUserIdentity(input.spec, input.facts);
}

/** The part of a plan's input that ids depend on. */
export type IdentityInput = Pick<PlanInput, 'rootfs' | 'facts' | 'idSlot'> & { readonly spec: Pick<SandboxSpec, 'uidBase' | 'gidBase'> };

/** The problems with ids that are known before there is a rootfs. */
export function checkIdentity(spec: CheckedSpec, facts: Facts): Problem[] {
  const problems: Problem[] = facts.user.rights === 'root' ? checkRootPrivileges(facts, ['CAP_SETGID', 'CAP_SETUID', 'CAP_SYS_ADMIN']) : [];
  for (const [option, base] of [
    ['--uid-base', spec.uidBase],
    ['--gid-base', spec.gidBase],
  ] as const) {
    if (base === undefined) continue;
    // Root writes its maps without further checks, so what they may cover is decided here; for other users newuidmap(1) decides.
    if (base === 0 || (facts.user.rights === 'root' && base < idsPerSandbox)) {
      problems.push({
        code: 'cannot-enforce',
        message: `${option} ${base} would run the sandbox with ids that belong to root or users of this host.`,
        hint: `give a base of at least ${idsPerSandbox}, or leave ${option} out`,
      });
    }
  }
  if (facts.user.rights !== 'root') problems.push(...checkUserRange(spec, facts), ...checkChosenRange(spec, facts));
  return problems;
}

/** A sandbox has ids in a user namespace. */
export function checkUserNamespaces({ userNamespaces }: Facts): Problem[] {
  if (userNamespaces) return [];
  const message = 'This host does not let you make user namespaces, and a sandbox never runs with ids of the host.';
  return [{ code: 'cannot-enforce', message, hint: 'isolate doctor shows what prevents it' }];
}

/** Root with fewer capabilities, as in most containers. */
export function checkRootPrivileges({ privileges }: Facts, needed: readonly NeededCapability[]): Problem[] {
  const missing = needed.filter((name) => privileges.missing.includes(name));
  if (missing.length === 0) return [];
  const [names, verb] = [missing.join(', '), missing.length === 1 ? 'capability' : 'capabilities'];
  return [
    {
      code: 'cannot-enforce',
      message: `Root lacks the ${verb} ${names} here, which isolate needs.`,
      hint: 'give them to the container or service that isolate runs in, or run isolate as another user, with -t',
    },
  ];
}

/**
 * How root's bind is shown: with the owner of its source as the sandbox's 0, unless its user or group is root. A set-uid or set-gid
 * file that the sandbox leaves there must not belong to the host's root.
 */
export function planBindIdmap(facts: Facts, path: PathFacts | undefined): Idmap {
  if (facts.user.rights !== 'root' || path === undefined || !path.idmappable || path.uid === 0 || path.gid === 0) return 'none';
  return { uid: path.uid, gid: path.gid };
}

function planRootIdentity({ spec, rootfs, facts, idSlot }: IdentityInput): IdentityPlan {
  const [part] = rootfs.parts;
  const { ownership } = part;
  const template = sourceOf(rootfs);
  if (ownership.kind === 'shifted') {
    const { uidBase, gidBase } = ownership;
    if ((spec.uidBase ?? uidBase) !== uidBase || (spec.gidBase ?? gidBase) !== gidBase) {
      throw new IsolateError(
        'cannot-enforce',
        `The files of ${template} belong to ids from ${uidBase}/${gidBase}, not from ${spec.uidBase ?? uidBase}/${spec.gidBase ?? gidBase}.`,
        { hint: 'leave --uid-base and --gid-base out, or shift the ownership of the template to that base' },
      );
    }
    if (uidBase < idsPerSandbox || gidBase < idsPerSandbox) {
      throw new IsolateError(
        'cannot-enforce',
        `The root of ${template} belongs to ${uidBase}:${gidBase}; a sandbox with ids from there would share them with users of this host.`,
        { hint: `chown it to 0:0, or shift the whole tree to ids from ${idsPerSandbox} up` },
      );
    }
    return { userNamespace: directMap(uidBase, gidBase), rootIdmap: 'none' };
  }
  if (part.kind === 'overlay' && !part.idmappable.upper) {
    const message = `The layers in ${part.upperParent} cannot be mounted idmapped, so root's sandboxes cannot use them.`;
    throw new IsolateError('cannot-enforce', message, { hint: 'mount ext4, xfs, btrfs or, since Linux 6.3, tmpfs at /var/lib/isolate' });
  }
  if (!isIdmappable(part)) {
    throw new IsolateError(
      'cannot-enforce',
      `The files of ${template} belong to ids of the host's root, and its file system does not support idmapped mounts.`,
      {
        hint: 'run on clones of it with -z DATASET, keep it on ext4, xfs, btrfs or OpenZFS 2.2 and later, or, for maintenance, use -e chroot',
      },
    );
  }
  const uidBase = spec.uidBase ?? slotBase(facts.user.sandboxUids, idSlot);
  const gidBase = spec.gidBase ?? slotBase(facts.user.sandboxGids, idSlot);
  return { userNamespace: directMap(uidBase, gidBase), rootIdmap: 'sandbox' };
}

function isIdmappable(part: RootPart): boolean {
  return part.kind === 'overlay' ? part.idmappable.lower : part.idmappable;
}

function slotBase(range: IdRange, slot: number): number {
  const slots = Math.max(1, Math.floor(range.count / idsPerSandbox));
  return range.start + (slot % slots) * idsPerSandbox;
}

function directMap(uidBase: number, gidBase: number): UserNamespace {
  return {
    uidMap: [{ inside: 0, outside: uidBase, count: idsPerSandbox }],
    gidMap: [{ inside: 0, outside: gidBase, count: idsPerSandbox }],
    writer: 'direct',
  };
}

function planUserIdentity(spec: IdentityInput['spec'], { user, tools, privileges }: Facts): IdentityPlan {
  const { newuidmap, newgidmap } = tools;
  if (!hasSubordinateIds(user) || newuidmap === null || newgidmap === null || privileges.withheld !== null) {
    return { userNamespace: { ...singleMaps(user), writer: 'single' }, rootIdmap: 'none' };
  }
  return { userNamespace: { ...planUserMaps(user, spec), writer: 'newidmap', newuidmap, newgidmap }, rootIdmap: 'none' };
}

/**
 * Whether the sandbox's root can enter the caller's private directories, such as the state directory where everything is gathered. With a
 * base, the caller's id is not in the sandbox.
 */
export function entersOwnDirectories({ uidBase }: Pick<SandboxSpec, 'uidBase'>, { user }: Pick<Facts, 'user'>): boolean {
  return user.rights === 'root' || uidBase === undefined;
}

/** With a base, the caller's id is not in the sandbox, so it can write neither layers in the home nor a directory of the caller. */
function checkChosenRange({ uidBase, gidBase, root, readOnlyRoot }: CheckedSpec, { privileges }: Facts): Problem[] {
  if (uidBase === undefined && gidBase === undefined) return [];
  const option = uidBase === undefined ? '--gid-base' : '--uid-base';
  if (privileges.withheld !== null) {
    const message = `${option} needs newuidmap, which gains no rights here: ${privileges.withheld}.`;
    return [{ code: 'cannot-enforce', message, hint: `leave ${option} out` }];
  }
  if (!isDirectoryClone(root) || (readOnlyRoot && uidBase === undefined)) return [];
  return [
    {
      code: 'unsupported-option',
      message: `${option} cannot be combined with --ephemeral: the sandbox could not reach its clone, which belongs to you.`,
      hint: `leave ${option} out, or use --read-only instead of --ephemeral`,
    },
  ];
}

function checkUserRange(spec: CheckedSpec, { user }: Facts): Problem[] {
  const wanted = [
    ['--uid-base', spec.uidBase, user.subordinateUids, '/etc/subuid'],
    ['--gid-base', spec.gidBase, user.subordinateGids, '/etc/subgid'],
  ] as const;
  return wanted.flatMap(([option, base, ranges, file]) => {
    if (base === undefined || findRange(ranges, base) !== undefined) return [];
    const problem: Problem = {
      code: 'not-permitted',
      message: `${option} ${base} is not among your subordinate ids in ${file}.`,
      hint:
        ranges.length === 0
          ? `as root: ${user.subordinateIdsCommand}`
          : `yours are ${ranges.map(({ start, count }) => `${start} to ${start + count - 1}`).join(', ')}`,
    };
    return [problem];
  });
}
