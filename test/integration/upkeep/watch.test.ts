import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { leaseClone } from '../../../src/pool/lease/lease.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import type { RefreshReport } from '../../../src/upkeep/report.ts';
import { touchSignal } from '../../../src/pool/state/signal-file.ts';
import { watchPools } from '../../../src/upkeep/watch.ts';
import { makeDirectorySubject, openSubject, readSubject, startWorker } from '../../rig/pool-subject.ts';
import type { OwnedSubject } from '../../rig/pool-subject.ts';

let owned: OwnedSubject;
beforeEach(async () => {
  owned = await makeDirectorySubject();
});
afterEach(() => owned.end());

/** Watches while `act` runs; `next` resolves with the next report that `accept` takes. */
async function whileWatching(
  pool: Pool,
  count: number,
  act: (next: (accept: (report: RefreshReport) => boolean) => Promise<RefreshReport>) => Promise<void>,
): Promise<RefreshReport[]> {
  const ending = new AbortController();
  const reports: RefreshReport[] = [];
  let listener: (report: RefreshReport) => void = () => {};
  const watching = watchPools([{ pool, count }], {
    signal: ending.signal,
    onReport: (report) => {
      reports.push(report);
      listener(report);
    },
  });
  await act(
    (accept) =>
      new Promise((resolve) => {
        const known = reports.find(accept);
        if (known !== undefined) resolve(known);
        listener = (report) => {
          if (accept(report)) resolve(report);
        };
      }),
  );
  ending.abort();
  await watching;
  return reports;
}

describe('watching', () => {
  test('refreshes at the start, and again when a run ends', async () => {
    const pool = await openSubject(owned.subject);
    await whileWatching(pool, 2, async (next) => {
      await next(({ created }) => created === 2);
      const run = await startWorker(owned.subject, 'run').ended;
      expect({ exitCode: run.exitCode, errors: run.errors }).toEqual({ exitCode: 0, errors: '' });
      await next(({ destroyed, fresh }) => destroyed === 1 && fresh === 2);
    });
    const state = await readSubject(pool);
    expect({ leased: state.leased, retired: state.retired, clones: state.clones.length }).toEqual({ leased: [], retired: [], clones: 2 });
  });

  test('loses no signal that comes while it refreshes', async () => {
    let release = async (): Promise<void> => {};
    const pool = await openSubject(owned.subject, {
      // The last moment at which a refresh could overlook it.
      checkpoint: (step) => {
        if (step !== 'refresh:pass-done') return;
        const first = release;
        release = async () => {};
        void first();
      },
    });
    await whileWatching(pool, 1, async (next) => {
      await next(({ created }) => created === 1);
      const lease = await leaseClone(pool, { waitMs: 0 });
      release = lease.release;
      touchSignal(pool);
      await next(({ destroyed }) => destroyed === 1);
    });
    expect((await readSubject(pool)).retired).toEqual([]);
  });

  test('serves many waiting runs at a time', async () => {
    const pool = await openSubject(owned.subject);
    await whileWatching(pool, 2, async (next) => {
      await next(({ fresh }) => fresh === 2);
      const leases = await Promise.all(Array.from({ length: 10 }, () => leaseClone(pool, { waitMs: 20_000 })));
      expect(new Set(leases.map(({ id }) => id)).size).toBe(10);
      await Promise.all(leases.map(({ release }) => release()));
      await next(({ fresh, leased, destroyed }) => destroyed > 0 && fresh === 2 && leased === 0);
      const look = async (): Promise<unknown> => {
        const { fresh, leased, retired } = await readSubject(pool);
        return { fresh: fresh.length, leased, retired };
      };
      await expect.poll(look).toEqual({ fresh: 2, leased: [], retired: [] });
    });
  });

  test('ends at once if it is aborted before it begins', async () => {
    const pool = await openSubject(owned.subject);
    await watchPools([{ pool }], { signal: AbortSignal.abort() });
    expect((await readSubject(pool)).clones).toEqual([]);
  });

  test('reports a failed refresh and continues', async () => {
    const pool = await openSubject(owned.subject);
    const ending = new AbortController();
    const failures: string[] = [];
    const { rmSync } = await import('node:fs');
    if (owned.subject.kind !== 'directory') throw new Error('not a directory');
    rmSync(`${owned.subject.template}/snapshots/1`, { recursive: true });
    await watchPools([{ pool }], {
      signal: ending.signal,
      onFailure: ({ code }) => {
        failures.push(code);
        ending.abort();
      },
    });
    expect(failures).toEqual(['template-without-snapshot']);
  });
});
