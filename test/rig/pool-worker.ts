/**
 * One process that works on a pool, for tests with real processes: `pool-worker.ts SUBJECT ACTION [STEP]`. ACTION is
 * `run` (lease, use, release), `hold` (lease, then sleep) or `refresh`; it kills itself at the STEP-th checkpoint named
 * `NAME` in `NAME:N`. Prints one JSON line.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaseClone } from '../../src/pool/lease/lease.ts';
import { refresh } from '../../src/upkeep/refresh.ts';
import { openSubject } from './pool-subject.ts';
import type { PoolSubject } from './pool-subject.ts';
import { placeOf } from '../../src/rootfs/rootfs.ts';

const [subjectText = '', action = '', crash = ''] = process.argv.slice(2);
const pool = await openSubject(JSON.parse(subjectText) as PoolSubject, { checkpoint: dieAt(crash) });

if (action === 'refresh') {
  const report = await refresh(pool);
  console.log(
    JSON.stringify({ created: report.created, destroyed: report.destroyed, failed: report.failed.map(({ error }) => error.message) }),
  );
} else {
  const lease = await leaseClone(pool, { waitMs: 100_000 });
  // Fails if any run ever had this clone.
  writeFileSync(join(placeOf(lease.rootfs), 'used'), String(process.pid), { flag: 'wx' });
  console.log(JSON.stringify({ id: lease.id }));
  if (action === 'hold') await sleep(60_000);
  await lease.release();
}

function dieAt(text: string): (step: string) => void {
  const [, name, count] = /^(.*):(\d+)$/.exec(text) ?? [];
  let left = Number(count ?? 0);
  return (step) => {
    if (step !== name) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
