import type { Rights } from './rights.ts';

/** The kernel's settings that decide about user namespaces; each the file's text, null where the file is missing. */
export interface UserNamespaceSettings {
  /** /proc/sys/user/max_user_namespaces */
  readonly maximum: string | null;
  /** /proc/sys/kernel/unprivileged_userns_clone: Debian's and Arch's own switch. */
  readonly unprivilegedClone: string | null;
  /** /proc/sys/kernel/apparmor_restrict_unprivileged_userns: Ubuntu since 23.10. */
  readonly apparmorRestriction: string | null;
}

/** Why user namespaces cannot be made, one value for each remedy; `allowed` where they can. */
export type UserNamespaceAnswer = 'allowed' | 'unsupported' | 'maximum-zero' | 'clone-disabled' | 'apparmor-restricted';

/**
 * Whether a caller can make user namespaces. The two switches for unprivileged callers do not bind root. An AppArmor
 * profile may lift the restriction for one program, but not for ours, which has none.
 */
export function answerUserNamespaces(settings: UserNamespaceSettings, rights: Rights): UserNamespaceAnswer {
  if (settings.maximum === null) return 'unsupported';
  if (Number(settings.maximum) === 0) return 'maximum-zero';
  if (rights === 'root') return 'allowed';
  if (settings.unprivilegedClone?.trim() === '0') return 'clone-disabled';
  if (settings.apparmorRestriction?.trim() === '1') return 'apparmor-restricted';
  return 'allowed';
}
