import type { Rights } from './rights.ts';

/** The kernel's settings that control user namespaces; each is the text of the file, null if the file is missing. */
export interface UserNamespaceSettings {
  /** /proc/sys/user/max_user_namespaces */
  readonly maximum: string | null;
  /** /proc/sys/kernel/unprivileged_userns_clone: Debian's and Arch's own switch. */
  readonly unprivilegedClone: string | null;
  /** /proc/sys/kernel/apparmor_restrict_unprivileged_userns: Ubuntu since 23.10. */
  readonly apparmorRestriction: string | null;
}

/** Why user namespaces cannot be made, one value per remedy; `allowed` if they can. */
export type UserNamespaceAnswer = 'allowed' | 'unsupported' | 'maximum-zero' | 'clone-disabled' | 'apparmor-restricted';

/**
 * Whether a caller can make user namespaces. The two switches for unprivileged callers do not affect root. An AppArmor profile can lift
 * the restriction for a program, but isolate has none.
 */
export function answerUserNamespaces(settings: UserNamespaceSettings, rights: Rights): UserNamespaceAnswer {
  if (settings.maximum === null) return 'unsupported';
  if (Number(settings.maximum) === 0) return 'maximum-zero';
  if (rights === 'root') return 'allowed';
  if (settings.unprivilegedClone?.trim() === '0') return 'clone-disabled';
  if (settings.apparmorRestriction?.trim() === '1') return 'apparmor-restricted';
  return 'allowed';
}
