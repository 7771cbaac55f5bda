import { IsolateError } from '../error.ts';
import { findCallersSession } from '../run/find-session.ts';
import type { SessionRecord } from '../session/record.ts';
import { rootName } from '../spec/root-ref.ts';
import type { RunStatus } from './status.ts';
import { openStatusSource } from './status-source.ts';

const hint = 'isolate ps lists the runs';

/** The run with this id or PID. */
export function findWholeRun(runs: readonly RunStatus[], word: string): RunStatus | undefined {
  return runs.find(({ runId, pid }) => runId === word || String(pid) === word);
}

/** The run with this PID, or the one whose id begins with `word`. Throws `run-missing`, and `usage` if there are several. */
export function findRun(runs: readonly RunStatus[], word: string): RunStatus {
  const whole = findWholeRun(runs, word);
  const found = whole === undefined && word !== '' ? runs.filter(({ runId }) => runId.startsWith(word)) : [];
  if (found.length > 1) throw new IsolateError('usage', `${found.length} runs begin with ${word}.`, { hint });
  const run = whole ?? found[0];
  if (run === undefined) throw new IsolateError('run-missing', `There is no run ${JSON.stringify(word)}.`, { hint });
  return run;
}

/**
 * The caller's run of this id or PID, or the one that uses the caller's session of this name. Other users' runs are none for a user; root
 * gets `not-permitted` for them, because what they say of themselves is not root's to trust. Throws `run-missing`, `usage`.
 */
export async function findRunToJoin(word: string): Promise<RunStatus> {
  // Runs are found without the daemon too.
  const session = await findCallersSession(word).catch((error: unknown) =>
    error instanceof IsolateError && error.code === 'daemon-failed' ? null : passMissing(error),
  );
  const { uid, runs, own } = await readRuns();
  try {
    return (session === null ? undefined : own.find((run) => usesSession(run, session.record))) ?? findOwnRun(runs, own, word, uid);
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code !== 'run-missing' || session === null) throw error;
    throw new IsolateError('run-missing', `No run uses the session ${word}.`, { hint: `isolate enter ${word} starts one` });
  }
}

/** The run that uses the caller's session of this name; null: none does. Throws `session-missing`. */
export async function findRunInSession(name: string): Promise<RunStatus | null> {
  const { record } = await findCallersSession(name);
  const { own } = await readRuns();
  return own.find((run) => usesSession(run, record)) ?? null;
}

/** `own`: those of the caller. */
async function readRuns(): Promise<{ readonly uid: number; readonly runs: readonly RunStatus[]; readonly own: readonly RunStatus[] }> {
  const uid = process.getuid?.() ?? 0;
  const source = openStatusSource(uid);
  try {
    const { runs } = await source.runs();
    return { uid, runs, own: runs.filter((run) => run.uid === uid) };
  } finally {
    source.close();
  }
}

/** Whether it is the run that uses the session, whatever that is called by now. */
export function usesSession({ template, clone }: RunStatus, { root, clone: kept }: SessionRecord): boolean {
  return clone === kept.id && template === rootName(root);
}

function findOwnRun(runs: readonly RunStatus[], own: readonly RunStatus[], word: string, uid: number): RunStatus {
  const run = findRun(uid === 0 ? runs : own, word);
  if (run.uid === uid) return run;
  throw new IsolateError('not-permitted', `Run ${run.runId} belongs to ${run.user ?? 'a user without a name'} (uid ${run.uid}).`, {
    hint: 'only that user can execute commands in it',
  });
}

/** Rethrows everything but `session-missing`. */
export function passMissing(error: unknown): null {
  if (error instanceof IsolateError && error.code === 'session-missing') return null;
  throw error;
}
