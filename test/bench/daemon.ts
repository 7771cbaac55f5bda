import { isolatePath } from '../rig/isolate.ts';
import { bareBwrap } from './bare-bwrap.ts';
import type { Ground } from './ground.ts';
import { measure, warmUp } from './measure.ts';
import { type Findings, type Goal, tableOf } from './report.ts';
import { serveTemplate } from './served.ts';

/**
 * `isolate -z` through the daemon beside bare bubblewrap with the same options, on a clone that nothing ran on before, as
 * isolate has it, and on one whose files are in memory. A round begins with a full pool; what a run has the daemon do
 * after its end may reach into the next command of the round, which is bubblewrap's as often as isolate's.
 */
export async function measureDaemon(ground: Ground, rounds: number): Promise<Findings> {
  const { dataset, stopwatch } = ground;
  const served = await serveTemplate(ground, warmUp + rounds + 16);
  try {
    const on = await bareBwrap({ template: ground.directory });
    let clone = ground.clone;
    const summaries = await measure(
      stopwatch,
      {
        'bare bwrap on a fresh clone': () => on(clone),
        'bare bwrap': on(ground.clone),
        'isolate -z': { command: [isolatePath, '--quiet', '-z', dataset, 'true'] },
      },
      {
        rounds,
        settle: async () => {
          clone = await ground.renewClone();
          await served.full();
        },
      },
    );
    const goals = (['bare bwrap on a fresh clone', 'bare bwrap'] as const).flatMap((bwrap): Goal[] => [
      { name: `median of isolate -z / ${bwrap}`, value: summaries['isolate -z'].medianMs / summaries[bwrap].medianMs, most: 1.5 },
      { name: `p99 of isolate -z / ${bwrap}`, value: summaries['isolate -z'].p99Ms / summaries[bwrap].p99Ms, most: 3 },
    ]);
    return { tables: [tableOf('a run of true through the daemon', summaries)], goals };
  } finally {
    await served.end();
  }
}
