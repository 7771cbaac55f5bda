import { mkdirSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runtimePaths } from '../../src/pool/paths.ts';
import { openPool, type Pool } from '../../src/pool/pool.ts';
import { formatLeaseName } from '../../src/pool/state/state-file.ts';
import { takeFreshClone } from '../../src/pool/lease/take.ts';
import { publishFresh } from '../../src/pool/state/transition.ts';
import { directoryDriver, makeDirectoryTemplate } from '../rig/directory-driver.ts';
import { isolatePath } from '../rig/isolate.ts';
import { bareBwrap } from './bare-bwrap.ts';
import type { Ground } from './ground.ts';
import { measure, summarize, type Summary } from './measure.ts';
import { type Findings, tableOf } from './report.ts';
import { serveTemplate } from './served.ts';

const stateSizes = [10, 100, 1000] as const;
/** zfs-fuse has no more than 1000 file systems mounted, the template's among them. */
const poolSizes = [10, 100, 900] as const;
/** A lease takes microseconds, so that many are measured. */
const leasesEach = 2000;

/** What a lease costs with few and with many clones: the step itself, and a whole run through the daemon. */
export async function measureLeases(ground: Ground, rounds: number): Promise<Findings> {
  const steps: Record<string, Summary> = {};
  for (const size of stateSizes) steps[`taking one of ${size} fresh clones`] = await measureStep(size);
  const runs: Record<string, Summary> = {};
  const mounts: Record<number, number> = {};
  for (const size of poolSizes) {
    const served = await serveTemplate(ground, size);
    try {
      const on = await bareBwrap({ template: ground.directory });
      const summaries = await measure(
        ground.stopwatch,
        {
          [`bare bwrap on a clone beside ${size}`]: on(ground.clone),
          [`bare bwrap on a directory beside ${size}`]: on(ground.directory),
          [`isolate -z of ${size} clones`]: { command: [isolatePath, '--quiet', '-z', ground.dataset, 'true'] },
        },
        { rounds, settle: served.full },
      );
      Object.assign(runs, summaries);
      mounts[size] = countMounts();
    } finally {
      await served.end();
    }
  }
  const grows = (name: (size: number) => string): number => runs[name(900)]!.medianMs / runs[name(10)]!.medianMs;
  return {
    tables: [
      tableOf('a lease of files of state', steps),
      tableOf('a run of true through the daemon', runs),
      {
        title: 'mounts of the host',
        head: ['mounts'],
        rows: poolSizes.map((size) => ({ name: `${size} clones`, cells: [String(mounts[size])] })),
      },
    ],
    goals: [
      { name: 'isolate -z of 900 clones / of 10', value: grows((size) => `isolate -z of ${size} clones`), most: 1.1 },
      { name: 'bare bwrap on a clone beside 900 / beside 10', value: grows((size) => `bare bwrap on a clone beside ${size}`), most: 1.1 },
      {
        name: 'bare bwrap on a directory beside 900 / beside 10',
        value: grows((size) => `bare bwrap on a directory beside ${size}`),
        most: 1.1,
      },
      { name: 'mounts with 900 clones - with 10', value: mounts[900]! - mounts[10]!, most: 0 },
    ],
  };
}

/** Those that every process copies that makes a mount namespace. */
function countMounts(): number {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length - 1;
}

async function measureStep(size: number): Promise<Summary> {
  const pool = await makeStatePool(size);
  const times: number[] = [];
  for (let lease = 0; lease < leasesEach; lease += 1) {
    const startMs = performance.now();
    const taken = await takeFreshClone(pool);
    times.push(performance.now() - startMs);
    if (taken === null) throw new Error('No clone is fresh.');
    renameSync(join(pool.paths.leased, formatLeaseName(taken.id, pool.holder)), join(pool.paths.fresh, taken.id));
  }
  return summarize(times.map((wallMs) => ({ wallMs, cpuMs: Number.NaN, peakKib: Number.NaN })));
}

/** A pool of empty directories. */
async function makeStatePool(size: number): Promise<Pool> {
  const directory = mkdtempSync(join(tmpdir(), 'isolate-leases-'));
  makeDirectoryTemplate(join(directory, 'template'));
  const pool = openPool({ driver: directoryDriver(join(directory, 'template')), runtime: runtimePaths(join(directory, 'run')) });
  for (let index = 0; index < size; index += 1) {
    const id = String(17_000_000_000_000_000_000n + BigInt(index));
    const path = join(directory, 'clones', id);
    mkdirSync(path, { recursive: true });
    const clone = { id, guid: id, source: '1', marked: true, kept: false, createdMs: 0, mountpoint: path };
    await publishFresh(pool, clone, { parts: [{ kind: 'tree', source: path, ownership: { kind: 'natural' }, idmappable: false }] });
  }
  return pool;
}
