import { getSystemErrorName } from 'node:util';

import { describeErrno, type ErrorCode, IsolateError, quotaErrno, sessionInUseHint } from '../error.ts';
import type { LaunchPart, RecordItem } from './encode.ts';
import type { LaunchEvent } from './events.ts';
import type { Launch, MountOperation } from './launch.ts';
import type { LaunchStep } from './steps.ts';

/** Why an engine ended, if the kernel killed it for its use of memory. */
export const engineOutOfMemory = ': it needed more memory than --memory allows';

/** What the sandbox does not have of the user, who is given or the template's, by the errno that the stage reports. */
export const userFailures = {
  ENOENT: 'is not in /etc/passwd of the sandbox',
  ESRCH: 'needs a group as well, because /etc/passwd of the sandbox does not have this uid',
  ENODATA: 'has a group that is not in /etc/group of the sandbox',
  EINVAL: 'needs ids that the sandbox does not have',
} as const;

/** Why a clone of a session is not taken that was there a moment ago. */
export const takenFailure = 'The session has just been taken by another run, or removed.';

/** Why a command is not executed in a run, which `%` stands for. */
export const joinFailures = {
  ended: 'Run % has ended.',
  early: 'Run % has not started its command yet, or was started by another version of isolate.',
  killed: 'The command was killed before it was executed in run %.',
  directory: 'The working directory of run % cannot be entered.',
  user: 'The user of run % is not in /etc/passwd and /etc/group of the sandbox.',
} as const;

/** By their numbers. */
export const streamNames = ['standard input', 'standard output', 'standard error'] as const;

type Failed = LaunchEvent & { readonly kind: 'failed' };

/** What went wrong with a launch whose record was made of `items`, in words; client/failure.c says the same. */
export function launchFailure(launch: Launch, items: readonly RecordItem[], event: Failed): IsolateError {
  const error = event.errno === 0 ? '' : getSystemErrorName(-event.errno);
  const [code, why] = launch.join === undefined ? [] : joinFailure(event.step, error);
  if (code !== undefined && why !== undefined) return new IsolateError(code, joinFailures[why].replace('%', launch.join?.run ?? ''));
  if (event.step === 'engine') {
    return new IsolateError('engine-failed', `${launch.engine} could not start the command${error === 'ENOMEM' ? engineOutOfMemory : ''}.`);
  }
  if (event.step === 'user') {
    const status = launch.descriptors.find((descriptor) => descriptor.kind === 'stage-status');
    const why = userFailures[error as keyof typeof userFailures] ?? userFailures.EINVAL;
    return new IsolateError(why === userFailures.EINVAL ? 'cannot-enforce' : 'bad-name', `The user ${status?.user ?? ''} ${why}.`);
  }
  const cause = event.errno === 0 ? '' : `: ${describeErrno(-event.errno)}`;
  const { part, values } = (event.item === 0 || event.step === 'stream' ? undefined : items[event.item - 1]) ?? {};
  if (part?.kind === 'file' && values?.['kind'] === 'take' && (error === 'ENOENT' || error === 'EEXIST')) {
    return new IsolateError('session-in-use', takenFailure, { hint: sessionInUseHint });
  }
  const operation = event.step === 'mount' && part?.kind === 'mount' ? part.operation : undefined;
  if (operation?.kind === 'make') {
    const path = `${sourceOf(launch, operation.root)}${operation.target}`;
    const isFull = error === 'ENOSPC' || -event.errno === quotaErrno;
    return new IsolateError(isFull ? 'pool-full' : 'bad-bind', `The bind target ${path} could not be made${cause}.`, {
      hint: isFull ? 'free some space there' : 'make it before the run',
    });
  }
  if (operation?.kind === 'copy' && error === 'EFBIG') {
    const message = `${operation.source} in ${sourceOf(launch, operation.root)} is too large to copy: over 8 MiB, or over your file size limit.`;
    return new IsolateError('cannot-enforce', message, { hint: 'make the file smaller in the template' });
  }
  return new IsolateError('launch-failed', `The launch failed ${describe(launch, event, part)}${cause}.`);
}

function joinFailure(step: LaunchStep, error: string): readonly [code: ErrorCode, why: keyof typeof joinFailures] | readonly [] {
  if (step === 'join' && error === 'ESRCH') return ['run-missing', 'ended'];
  if (step === 'join' && error === 'EAGAIN') return ['run-missing', 'early'];
  if (step === 'engine') return ['engine-failed', 'killed'];
  if (step === 'working-directory') return ['launch-failed', 'directory'];
  return step === 'user' ? ['bad-name', 'user'] : [];
}

function describe(launch: Launch, { step, item, errno }: Failed, part: LaunchPart | undefined): string {
  if (step === 'execute') return `while executing ${launch.file}`;
  if (step === 'root') return `while changing the root to ${launch.root}`;
  if (step === 'stream') return `at ${streamNames[item] ?? 'a standard stream'}`;
  if (step === 'tree' && launch.shelfTree !== undefined) return `while taking ${launch.shelfTree.shelfPath} from the shelf`;
  if (step === 'working-directory') return `while changing the directory to ${launch.workingDirectory}`;
  if (part?.kind === 'companion')
    return errno === 0 ? `because the companion ${part.name} ended` : `while starting the companion ${part.name}`;
  return part === undefined ? `in the step ${step}` : `in the step ${step} (${describePart(part)})`;
}

function describePart(part: LaunchPart): string {
  switch (part.kind) {
    case 'descriptor':
      return part.path ?? `descriptor ${part.number}`;
    case 'cgroup':
    case 'file':
      return part.path;
    case 'companion':
      return part.name;
    case 'mount':
      return describeMount(part.operation);
  }
}

function describeMount(operation: MountOperation): string {
  switch (operation.kind) {
    case 'mkdir':
      return operation.path;
    case 'make':
      return `${operation.root}${operation.target}`;
    case 'copy':
      return `${operation.root}${operation.source} on ${operation.target}`;
    default:
      return `${operation.source} on ${targetOf(operation)}`;
  }
}

/** The path that the caller knows, for one that the launcher assembled. */
function sourceOf({ hostMounts }: Launch, path: string): string {
  const shown = hostMounts.find(
    (operation): operation is TreeOperation => (operation.kind === 'bind' || operation.kind === 'attach') && targetOf(operation) === path,
  );
  return shown?.source ?? path;
}

type TreeOperation = Extract<MountOperation, { readonly kind: 'bind' | 'attach' }>;

function targetOf(operation: TreeOperation | Extract<MountOperation, { readonly kind: 'mount' }>): string {
  return `${operation.kind === 'attach' ? '' : (operation.root ?? '')}${operation.target}`;
}
