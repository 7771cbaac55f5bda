import type { Config, UserLimits } from './config.ts';

/**
 * The limits of a user: the keys that are set for it, by its number before by its name, else those of all. `name` is null
 * where the host knows none.
 */
export function limitsOf({ limits }: Pick<Config, 'limits'>, uid: number, name: string | null): UserLimits {
  const byName = name === null ? undefined : limits.users.get(name);
  const { leases, leasesPerMinute, waiting } = { ...limits, ...byName, ...limits.users.get(String(uid)) };
  return { leases, leasesPerMinute, waiting };
}
