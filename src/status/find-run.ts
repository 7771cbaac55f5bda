import { IsolateError } from '../error.ts';
import type { RunStatus } from './status.ts';

const hint = 'isolate ps lists the runs';

/** The run with this PID, or the one whose id begins with `word`. Throws `run-missing`, and `usage` if there are several. */
export function findRun(runs: readonly RunStatus[], word: string): RunStatus {
  const whole = runs.find(({ runId, pid }) => runId === word || String(pid) === word);
  const found = whole === undefined && word !== '' ? runs.filter(({ runId }) => runId.startsWith(word)) : [];
  if (found.length > 1) throw new IsolateError('usage', `${found.length} runs begin with ${word}.`, { hint });
  const run = whole ?? found[0];
  if (run === undefined) throw new IsolateError('run-missing', `There is no run ${JSON.stringify(word)}.`, { hint });
  return run;
}

/**
 * The same, or the run that uses the user's session of this name, for the processes of the user's runs. Other users' runs are none for
 * the user; root gets `not-permitted` for them, because what they say of themselves is not root's to trust.
 */
export function findRunToJoin(runs: readonly RunStatus[], word: string, uid: number): RunStatus {
  const own = runs.filter((run) => run.uid === uid);
  const named = own.find(({ session }) => session === word);
  const run = named ?? findRun(uid === 0 ? runs : own, word);
  if (run.uid === uid) return run;
  throw new IsolateError('not-permitted', `Run ${run.runId} belongs to ${run.user ?? 'a user without a name'} (uid ${run.uid}).`, {
    hint: 'only that user can execute commands in it',
  });
}
