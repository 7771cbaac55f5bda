import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Pool } from '../../../src/pool/pool.ts';
import { placeOf } from '../../../src/rootfs/rootfs.ts';
import { listSessions } from '../../../src/session/index-files.ts';
import { mendIndex, type SeenClones } from '../../../src/session/mend.ts';
import { takeSession } from '../../../src/pool/lease/keep.ts';
import { refresh } from '../../../src/upkeep/refresh.ts';
import type { RefreshReport } from '../../../src/upkeep/report.ts';
import { untilFree } from '../../rig/refresher.ts';
import { canRunZfs, makeDirectorySubject, makeZfsSubjects, openSubject, type OwnedSubject } from '../../rig/pool-subject.ts';

/** Kills in all; a soak sets more. */
const kills = Number(process.env['ISOLATE_SESSION_KILLS'] ?? 40);
const workerFile = join(import.meta.dirname, '../../rig/session-worker.ts');

/** A row of numbers that looks random and is the same in every run. */
function makeDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * sides);
  };
}

async function work({ subject }: OwnedSubject, index: string, crash: number, ...action: readonly string[]): Promise<'done' | 'killed'> {
  const child = spawn(process.execPath, [workerFile, JSON.stringify(subject), index, String(crash), ...action], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code === 0) return 'done';
  if (signal !== 'SIGKILL') throw new Error(`${action.join(' ')} ended with ${signal ?? code}: ${errors}`);
  return 'killed';
}

/** As the next refreshes do it, some time later: the first one ends what dead processes had, and so the second one knows it is idle. */
async function recover(owned: OwnedSubject, index: string): Promise<Pool> {
  const later = (): number => Date.now() + 120_000;
  const pool = await openSubject(owned.subject, { clock: later });
  const onListed = (seen: SeenClones): void => mendIndex({ directory: index }, { kind: 'volume', locator: pool.template }, seen, later());
  const refreshOnce = (): Promise<RefreshReport> => refresh(pool, { count: 2, onListed });
  for (let pass = 1; pass <= 2; pass += 1) await (owned.subject.kind === 'zfs' ? untilFree(refreshOnce) : refreshOnce());
  return pool;
}

/** What each session has, by name. */
async function readSessions(pool: Pool, index: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { name, clone, owners } of listSessions({ directory: index }, null)) {
    const lease = await takeSession(pool, { ...clone, owners });
    found.set(name, read(join(placeOf(lease.rootfs), 'mine')));
    await lease.release();
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What there is after an action, or after it was killed. */
type Model = ReadonlyMap<string, string>;

function without(model: Model, name: string): Map<string, string> {
  return new Map([...model].filter(([other]) => other !== name));
}

/** An action that is possible, and the models that it may lead to: the last one if it is not killed. */
function choose(
  model: Model,
  dice: (sides: number) => number,
  fresh: string,
): { readonly words: readonly string[]; readonly after: readonly Model[] } {
  const names = [...model.keys()];
  const name = names[dice(Math.max(names.length, 1))];
  if (name === undefined || (names.length < 4 && dice(2) === 0)) {
    return { words: ['keep', fresh], after: [model, new Map([...model, [fresh, '']]), new Map([...model, [fresh, `${fresh}\n`]])] };
  }
  const content = model.get(name) ?? '';
  switch (dice(4)) {
    case 0:
      return { words: ['rm', name], after: [model, without(model, name)] };
    case 1:
      return { words: ['rename', name, fresh], after: [model, without(model, name).set(fresh, content)] };
    default:
      return { words: ['enter', name], after: [model, new Map([...model, [name, `${content}entered\n`]])] };
  }
}

const sorted = (model: Model): readonly (readonly [string, string])[] => [...model].toSorted(([one], [other]) => (one < other ? -1 : 1));

async function storm(owned: OwnedSubject, rounds: number, loseState: (owned: OwnedSubject) => Promise<void> | void): Promise<void> {
  const index = mkdtempSync(join(tmpdir(), 'isolate-index-'));
  const dice = makeDice(20_261_129);
  let model: Model = new Map();
  try {
    await recover(owned, index);
    for (let round = 0, killed = 0; killed < rounds; round += 1) {
      const { words, after } = choose(model, dice, `s${round}`);
      const how = await work(owned, index, 1 + dice(12), ...words);
      if (how === 'killed') killed += 1;
      const [lostState, lostIndex] = [dice(4) === 0, dice(4) === 0];
      if (lostState) await loseState(owned);
      if (lostIndex) rmSync(index, { recursive: true });
      const pool = await recover(owned, index);
      const found = await readSessions(pool, index);
      const possible = how === 'done' ? after.slice(-1) : after;
      const clones = await pool.driver.list();
      const seen = {
        sessions: sorted(found),
        kept: clones.filter(({ kept }) => kept).length,
        others: clones.filter(({ kept }) => !kept).length,
      };
      // The first three say what led here.
      expect({ round, words, lost: [lostState, lostIndex], ...seen }).toEqual({
        round,
        words,
        lost: [lostState, lostIndex],
        sessions: possible.map(sorted).find((one) => isDeepStrictEqual(one, seen.sessions)) ?? possible.map(sorted),
        kept: found.size,
        others: 2,
      });
      model = found;
    }
  } finally {
    rmSync(index, { recursive: true, force: true });
  }
}

test(
  'sessions of directories are all there, and nothing else, after kills at every step and the loss of state and names',
  { timeout: 900_000 },
  async () => {
    const owned = await makeDirectorySubject();
    const lose = ({ subject }: OwnedSubject): void => rmSync(subject.runtime, { recursive: true });
    try {
      await storm(owned, kills, lose);
    } finally {
      await owned.end();
    }
  },
);

describe.runIf(canRunZfs)('on zfs', () => {
  let zfs: Awaited<ReturnType<typeof makeZfsSubjects>>;
  beforeAll(async () => {
    zfs = await makeZfsSubjects();
  });
  afterAll(() => zfs.end());

  test(
    'sessions are all there, and nothing else, after kills at every step and restarts of the storage',
    { timeout: 900_000 },
    async () => {
      await storm(await zfs.makeSubject(), Math.ceil(kills / 4), zfs.restart);
    },
  );
});
