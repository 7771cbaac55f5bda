/** What the kernel lets a process do, apart from its user's rights. */
export interface Privileges {
  /** Why newuidmap(1) gains no rights when this process starts it, as part of a sentence; null: it does. */
  readonly withheld: string | null;
  /** The names of capabilities that root's runs need and this process lacks. */
  readonly missing: readonly NeededCapability[];
}

/** Those of an ordinary process of root or of a user. */
export const fullPrivileges: Privileges = { withheld: null, missing: [] };

/** For id maps, mounts and chroot (linux/capability.h). */
const needed = {
  CAP_SETGID: 6n,
  CAP_SETUID: 7n,
  CAP_SYS_CHROOT: 18n,
  CAP_SYS_ADMIN: 21n,
} as const;

export type NeededCapability = keyof typeof needed;

/** What newuidmap(1) needs; with a smaller bounding set it gains less (capabilities(7)). */
const mappers = { ...needed, CAP_DAC_OVERRIDE: 1n };
const mapperNames = ['CAP_DAC_OVERRIDE', 'CAP_SETGID', 'CAP_SETUID', 'CAP_SYS_ADMIN'] as const;

/** Reads the text of /proc/PID/status (proc_pid_status(5)). Missing fields count as ordinary. */
export function parsePrivileges(status: string): Privileges {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
  const has = (set: string | undefined, bit: bigint): boolean => set === undefined || ((BigInt(`0x${set}`) >> bit) & 1n) === 1n;
  const unbound = mapperNames.filter((name) => !has(field('CapBnd'), mappers[name]));
  return {
    withheld:
      field('NoNewPrivs') === '1' ? 'no_new_privs is set' : unbound.length === 0 ? null : `the bounding set lacks ${unbound.join(', ')}`,
    missing: (Object.keys(needed) as NeededCapability[]).filter((name) => !has(field('CapEff'), needed[name])),
  };
}
