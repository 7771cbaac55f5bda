import { IsolateError } from '../error.ts';
import { type HolderId, readBootId } from '../pool/holder.ts';
import { readOwnPidNamespace } from '../pool/pid-namespace.ts';
import type { RunStatus } from './status.ts';
import { unknownAnswer } from './status-source.ts';

/** The process that holds a run, for `verb`. Throws `not-permitted` if the PID means another process here, `daemon-failed` if that is unknown. */
export function holderOf({ runId, pid, startTime, pidNamespace }: RunStatus, verb: string): HolderId {
  if (startTime === undefined || pidNamespace === undefined) throw unknownAnswer();
  if (pidNamespace !== readOwnPidNamespace()) {
    throw new IsolateError('not-permitted', `Run ${runId} is in another pid namespace: its PID ${pid} is a different process here.`, {
      hint: `run isolate ${verb} outside the container`,
    });
  }
  return { pid, startTime, bootId: readBootId() };
}
