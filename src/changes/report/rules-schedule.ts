import { cronLines } from './compare-lines.ts';
import type { Rule } from './rule.ts';

/** cron, anacron and at; systemd's timers are among the services. */
export const scheduleRules: readonly Rule[] = [
  {
    id: 'cron-entry',
    category: 'schedule',
    risk: 'medium',
    what: ['cron entry', 'cron entries'],
    why: 'cron runs the entry again and again, mostly as root.',
    match: { by: 'text', paths: ['etc/{crontab,anacrontab,cron.d/*}', 'var/spool/cron/**', 'etc/crontabs/*'], compare: cronLines },
  },
  {
    id: 'cron-script',
    category: 'schedule',
    risk: 'medium',
    what: ['script for cron or at', 'scripts for cron and at'],
    why: 'cron or at runs the script later, mostly as root.',
    match: {
      by: 'path',
      paths: ['etc/cron.{hourly,daily,weekly,monthly,yearly}/*', 'etc/periodic/*/*', 'var/spool/{at,atjobs,cron/atjobs}/*'],
      except: ['**/.placeholder', '**/.SEQ'],
    },
  },
  {
    id: 'cron-access',
    category: 'schedule',
    risk: 'medium',
    what: ['list of who may use cron or at', 'lists of who may use cron and at'],
    why: 'The list decides which users may leave programs that run later.',
    match: { by: 'path', paths: ['etc/{cron,at}.{allow,deny}'] },
  },
];
