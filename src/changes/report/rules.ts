import { accessRules } from './rules-access.ts';
import { accountRules } from './rules-accounts.ts';
import { fileRules } from './rules-files.ts';
import { homeRules } from './rules-homes.ts';
import { loadingRules } from './rules-loading.ts';
import { networkRules } from './rules-network.ts';
import { noiseRules } from './rules-noise.ts';
import { packageRules } from './rules-packages.ts';
import { rightsRules } from './rules-rights.ts';
import { scheduleRules } from './rules-schedule.ts';
import { serviceRules } from './rules-services.ts';
import { systemRules } from './rules-system.ts';
import type { Rule } from './rule.ts';

/**
 * The table. Its order is the order of findings of one risk, and of the rules that look at paths, of which the first that fits counts: rules for
 * few files come before rules for many.
 */
export const rules: readonly Rule[] = [
  {
    id: 'unread',
    category: 'files',
    risk: 'high',
    what: ['important file that could not be compared', 'important files that could not be compared'],
    why: 'The file is too large, or a link, or one of too many, so this report does not tell what is different in it.',
    inFull: true,
    match: { by: 'unread' },
  },
  ...packageRules,
  ...serviceRules,
  ...scheduleRules,
  ...rightsRules.filter(({ match }) => match.by === 'state'),
  ...accountRules,
  ...accessRules,
  ...loadingRules,
  ...systemRules,
  ...networkRules,
  ...homeRules,
  ...rightsRules.filter(({ match }) => match.by === 'path'),
  ...noiseRules,
  ...fileRules,
];
