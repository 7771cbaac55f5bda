import { parseInteger, parseSeconds, parseSize } from '../parse-number.ts';
import type { Limits } from '../spec.ts';
import { type Draft, type OptionGroup, type RunOption, runOption } from './option.ts';

/** What a run may use, and for how long. */
export const limitOptions: OptionGroup<RunOption> = {
  title: 'Limits',
  options: [
    runOption('cpuPercent', {
      long: 'cpu',
      value: 'PERCENT',
      completes: 'none',
      help: 'processor time, in percent of one processor',
      feature: 'cpu',
      variable: {
        name: 'LXC_CPU_QUOTA',
        says: 'the percentage of --cpu, a whole number from 1 to 100',
        ofEngine: true,
        read: (text) => parseInteger('LXC_CPU_QUOTA', text, 1, 100),
      },
      carriedBy: 'launcher',
      settle: (draft, percent) => limit(draft, { cpuPercent: parseInteger('--cpu', percent, 1, 100_000) }),
    }),
    runOption('memory', {
      long: 'memory',
      value: 'SIZE',
      completes: 'none',
      help: 'memory, in bytes or with K, M, G or T',
      feature: 'memory',
      variable: {
        name: 'LXC_MEM_MB_QUOTA',
        says: 'the size of --memory as a whole number of MiB',
        ofEngine: true,
        read: (text) => parseInteger('LXC_MEM_MB_QUOTA', text, 1, 2 ** 30) * 2 ** 20,
      },
      carriedBy: 'launcher',
      settle: (draft, size) => limit(draft, { memoryBytes: parseSize('--memory', size) }),
    }),
    runOption('pids', {
      long: 'pids',
      value: 'N',
      completes: 'none',
      help: 'maximum number of processes and threads',
      feature: 'pids',
      carriedBy: 'launcher',
      settle: (draft, pids) => limit(draft, { pids: parseInteger('--pids', pids, 1, 4_194_304) }),
    }),
    runOption('timeoutSeconds', {
      long: 'timeout',
      value: 'SECONDS',
      completes: 'none',
      help: 'end the run after this time with status 124',
      carriedBy: 'launcher',
      settle: (draft, seconds) => ({ ...draft, timeoutMs: parseSeconds('--timeout', seconds, 1) }),
    }),
    runOption('killAfterSeconds', {
      long: 'kill-after',
      value: 'SECONDS',
      completes: 'none',
      help: 'from SIGTERM to SIGKILL (default 10)',
      carriedBy: 'launcher',
      settle: (draft, seconds) => ({ ...draft, graceMs: parseSeconds('--kill-after', seconds, 0) }),
    }),
  ],
};

function limit(draft: Draft, limits: Limits): Draft {
  return { ...draft, limits: { ...draft.limits, ...limits } };
}
