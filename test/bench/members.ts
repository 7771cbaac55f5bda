import { isolatePath } from '../rig/isolate.ts';
import { addMember, addMemberGroup } from '../rig/members.ts';
import { debianRootfs } from '../rig/rootfs.ts';
import { addZfsTemplate } from '../rig/zfs-template.ts';
import type { Ground } from './ground.ts';
import { summarize } from './measure.ts';
import { type Findings, tableOf } from './report.ts';
import { serveDataset } from './served.ts';
import type { Timing } from './stopwatch.ts';

/** What a member waits for on storage that cannot be mounted with other ids: zfs-fuse, with a minimal Debian. */
export async function measureMembers({ stopwatch, pool }: Ground, rounds: number): Promise<Findings> {
  const user = await addMember(54_110, { subordinate: 1_600_000_000 });
  await addMemberGroup();
  const template = await addZfsTemplate(pool, 'debian', { tree: await debianRootfs() });
  const served = await serveDataset(template.dataset, 4, [user]);
  const command = [isolatePath, '--quiet', '-z', template.dataset, '--wait', '60', 'true'] as const;
  const times = { first: [] as Timing[], later: [] as Timing[], root: [] as Timing[] };
  try {
    for (let round = 0; round < rounds; round += 1) {
      await template.snapshot(`round${round}`);
      for (const name of ['first', 'later', 'root'] as const) {
        await served.full();
        times[name].push(stopwatch({ name, command, ...(name === 'root' ? {} : { user }) }));
      }
    }
  } finally {
    await served.end();
  }
  const summaries = {
    "a member's first run on a snapshot": summarize(times.first),
    "a member's later run": summarize(times.later),
    "root's run": summarize(times.root),
  };
  return {
    tables: [tableOf('runs on zfs-fuse through the daemon, a minimal Debian', summaries)],
    goals: [
      {
        name: "a member's later run / the first one on a snapshot",
        value: summaries["a member's later run"].medianMs / summaries["a member's first run on a snapshot"].medianMs,
        most: 0.2,
      },
    ],
  };
}
