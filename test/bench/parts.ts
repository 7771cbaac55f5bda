import { measureAlternatives } from './alternatives.ts';
import { measureBoots } from './boots.ts';
import { measureDaemon } from './daemon.ts';
import { measureDiff } from './diff.ts';
import type { Ground } from './ground.ts';
import { measureLeases } from './leases.ts';
import { measureMachines } from './machines.ts';
import { measureMembers } from './members.ts';
import { measureMemory } from './memory.ts';
import { measureRefill, measureRefresh } from './refreshes.ts';
import { measureOptions } from './options.ts';
import type { Findings } from './report.ts';
import { measureSessions } from './sessions.ts';
import { measureLauncher, measureLxc, measureRuns } from './starts.ts';
import { measureSustained } from './sustained.ts';
import { measureTemplates } from './templates.ts';

export interface Part {
  /** What the number of the part is, and which it has by default. */
  readonly unit: 'rounds' | 'clones' | 'runs';
  readonly number: number;
  /** Measured only where it is asked for. */
  readonly isExtra?: true;
  readonly measure: (ground: Ground, number: number) => Promise<Findings>;
}

/** In the order in which they are measured. */
export const parts: Readonly<Record<string, Part>> = {
  run: { unit: 'rounds', number: 30, measure: measureRuns },
  launcher: { unit: 'rounds', number: 30, measure: measureLauncher },
  refresh: { unit: 'rounds', number: 15, measure: measureRefresh },
  lxc: { unit: 'rounds', number: 30, measure: measureLxc },
  daemon: { unit: 'rounds', number: 50, measure: measureDaemon },
  options: { unit: 'rounds', number: 20, measure: measureOptions },
  sustained: { unit: 'runs', number: 200, measure: measureSustained },
  alternatives: { unit: 'rounds', number: 20, measure: measureAlternatives },
  refill: { unit: 'clones', number: 100, measure: measureRefill },
  leases: { unit: 'rounds', number: 20, measure: measureLeases },
  members: { unit: 'rounds', number: 5, measure: measureMembers },
  memory: { unit: 'runs', number: 500, measure: measureMemory },
  sessions: { unit: 'rounds', number: 20, measure: measureSessions },
  diff: { unit: 'rounds', number: 15, measure: measureDiff },
  templates: { unit: 'rounds', number: 3, measure: measureTemplates },
  machines: { unit: 'rounds', number: 10, isExtra: true, measure: measureMachines },
  '--boots': { unit: 'runs', number: 1000, isExtra: true, measure: measureBoots },
};
