import { limitsOf } from '../config/config.ts';
import type { ConfigSource } from '../config/source.ts';
import { IsolateError } from '../error.ts';
import { checkAccess } from './access.ts';
import { checkCeilings } from './ceilings.ts';
import { systemAccounts } from './accounts.ts';
import type { LeaseRules } from './leases.ts';
import { createQuotas, type Quotas } from './quota.ts';
import type { RunGroups } from './run-groups.ts';

/** The rules of leases, by the settings at the time of each lease. */
export function createRules(
  config: Pick<ConfigSource, 'current' | 'hasHeld'>,
  groups: Pick<RunGroups, 'placesFor'>,
  quotas: Quotas = createQuotas(),
): LeaseRules {
  return {
    checkAccess: (peer, template, engine) => {
      if (!config.hasHeld()) throw noSettings();
      checkAccess(config.current(), peer, template, engine);
    },
    checkLimits: ({ uid }, limits) => {
      checkCeilings(limits, limitsOf(config.current(), uid, systemAccounts.userName(uid)));
      return groups.placesFor(limits);
    },
    takeQuota: (uid) => {
      const name = systemAccounts.userName(uid);
      const { waits, given, end } = quotas.take({ uid, name }, limitsOf(config.current(), uid, name), performance.now());
      return { waits, given: () => given(performance.now()), end: () => end(performance.now()) };
    },
  };
}

/** The details name other users, so only root gets them. */
function noSettings(): IsolateError {
  return new IsolateError('bad-config', 'The daemon lends no clones: its settings are not valid.', {
    hint: 'ask root to correct them; isolate doctor shows what is wrong',
  });
}
