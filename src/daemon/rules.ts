import type { Config } from '../config/config.ts';
import { limitsOf } from '../config/limits.ts';
import { checkAccess } from './access.ts';
import { systemAccounts } from './accounts.ts';
import type { LeaseRules } from './leases.ts';
import { createQuotas, type Quotas } from './quota.ts';

/** The rules of leases as the settings are at each of them. */
export function createRules(current: () => Config, quotas: Quotas = createQuotas()): LeaseRules {
  return {
    checkAccess: (peer, template, engine) => checkAccess(current(), peer, template, engine),
    takeQuota: (uid) => {
      const { given, end } = quotas.take(uid, limitsOf(current(), uid, systemAccounts.userName(uid)), performance.now());
      return { given: () => given(performance.now()), end: () => end(performance.now()) };
    },
  };
}
