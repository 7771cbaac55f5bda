import type { Holder, StorageDriver } from '../storage/driver.ts';
import { type Failure, toFailure } from '../pool/failure.ts';

/** What only the storage knows about a pool. */
export interface StorageAnswer {
  /** The template's newest snapshot; null: unknown. */
  readonly source: string | null;
  /** The processes that have the requested clones mounted. */
  readonly holders: ReadonlyMap<string, readonly Holder[]>;
  readonly error: Failure | null;
}

/** `refreshedMs`: when the last refresh ended; older answers do not count. Never throws. */
export type StorageAsker = (cloneIds: readonly string[], refreshedMs: number) => Promise<StorageAnswer>;

/** Asking the storage takes commands, so it is not asked at every look: an answer is used for this long, */
const keptMs = 1000;
/** and at least this many times as long as it took. */
const keptTimes = 10;

/** How long a reader waits at most for a storage that hangs. */
const patienceMs = 2000;
const late: Failure = { code: 'tool-timeout', message: `The storage did not answer within ${patienceMs / 1000} s.` };

/** The question to the storage. */
export type AskedStorage = Pick<StorageDriver, 'newestSource' | 'list' | 'holders'>;

/** The last question to the storage, and when it was asked. */
interface Question {
  readonly sinceMs: number;
  readonly ids: ReadonlySet<string>;
  readonly refreshedMs: number;
  /** When the answer is too old. */
  untilMs: number;
}

/** Asks the storage about the newest snapshot and the holders of these clones; without a storage, the answer says why there is none. */
export function createStorageAsker(driver: AskedStorage | Failure | null, nowMs: () => number): StorageAsker {
  const failure = driver !== null && 'code' in driver ? driver : null;
  let known: StorageAnswer = { source: null, holders: new Map(), error: failure };
  let asked: Question | null = null;
  let answer: Promise<void> | null = null;
  const isLate = (): boolean => answer !== null && asked !== null && nowMs() - asked.sinceMs >= patienceMs;

  const refreshKnown = async (driver: AskedStorage, cloneIds: readonly string[], refreshedMs: number): Promise<void> => {
    const isAsked = (): boolean =>
      asked !== null && asked.refreshedMs === refreshedMs && asked.untilMs >= nowMs() && cloneIds.every((id) => asked?.ids.has(id));
    // Never twice at a time, however many callers ask about however many clones.
    while (answer !== null && !isAsked()) await answer;
    if (answer === null && !isAsked()) {
      const question: Question = { sinceMs: nowMs(), ids: new Set(cloneIds), refreshedMs, untilMs: Infinity };
      asked = question;
      answer = (async () => {
        known = await ask(driver, cloneIds);
        question.untilMs = nowMs() + Math.max(keptMs, keptTimes * (nowMs() - question.sinceMs));
        answer = null;
      })();
    }
    await answer;
  };

  return async (cloneIds, refreshedMs) => {
    if (driver === null || 'code' in driver) return known;
    const hasAnswered = !isLate() && (await endsInTime(refreshKnown(driver, cloneIds, refreshedMs)));
    return hasAnswered ? known : { ...known, error: late };
  };
}

async function endsInTime(work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), patienceMs);
  });
  const inTime = await Promise.race([work.then(() => true), over]);
  clearTimeout(timer);
  return inTime;
}

async function ask(driver: AskedStorage, cloneIds: readonly string[]): Promise<StorageAnswer> {
  try {
    const [{ name }, clones] = await Promise.all([driver.newestSource(), cloneIds.length === 0 ? [] : driver.list()]);
    const wanted = clones.filter(({ id }) => cloneIds.includes(id));
    const holders = await Promise.all(wanted.map(async (clone) => [clone.id, await driver.holders(clone)] as const));
    return { source: name, holders: new Map(holders), error: null };
  } catch (error) {
    return { source: null, holders: new Map(), error: toFailure(error) };
  }
}
