import type { Limits } from '../spec/spec.ts';
import type { Config, LimitsConfig, UserLimits } from './config.ts';

/**
 * The limits of a user: the keys set for its number, else those set for its name, else those for all. `name` is null if the host knows
 * none.
 */
export function limitsOf({ limits }: Pick<Config, 'limits'>, uid: number, name: string | null): UserLimits {
  const { leases, leasesPerMinute, waiting } = settingsOf(limits, uid, name);
  return { leases, leasesPerMinute, waiting };
}

/** The highest limits that a run of the user may ask for, by the same rule; an absent limit has no ceiling. */
export function ceilingsOf({ limits }: Pick<Config, 'limits'>, uid: number, name: string | null): Limits {
  const { cpuPercent, memoryBytes, pids } = settingsOf(limits, uid, name);
  return {
    ...(cpuPercent === undefined ? {} : { cpuPercent }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(pids === undefined ? {} : { pids }),
  };
}

function settingsOf(limits: LimitsConfig, uid: number, name: string | null): UserLimits {
  const byName = name === null ? undefined : limits.users.get(name);
  return { ...limits, ...byName, ...limits.users.get(String(uid)) };
}
