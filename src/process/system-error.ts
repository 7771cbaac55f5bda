import { type ErrorCode, IsolateError, quotaErrno } from '../error.ts';

/** What a failed system call says about the place or limit that it met. */
export interface SystemFailure {
  readonly code: Extract<ErrorCode, 'state-unreadable' | 'pool-full' | 'limit-reached'>;
  /** Null: the call had no path, as in a write to an open file. */
  readonly path: string | null;
  /** Follows a colon: `its file system is read-only`. */
  readonly reason: string;
  readonly hint?: string;
}

type Answer = Omit<SystemFailure, 'path'>;

const place = (reason: string): Answer => ({ code: 'state-unreadable', reason });
const full = (reason: string): Answer => ({ code: 'pool-full', reason, hint: 'free some space there' });
const limit = (reason: string, hint: string): Answer => ({ code: 'limit-reached', reason, hint });

/** Errors that a caller's environment can cause (errno(3)). Any other error of a system call is a bug in isolate. */
const answers: Readonly<Record<string, Answer>> = {
  EACCES: place('permission denied'),
  EPERM: place('permission denied'),
  EROFS: place('its file system is read-only'),
  ENOENT: place('it does not exist and cannot be made'),
  EEXIST: place('something else is there'),
  ENOTDIR: place('a part of the path is not a directory'),
  EISDIR: place('it is a directory'),
  ELOOP: place('its symbolic links form a loop'),
  ENAMETOOLONG: place('the path is too long'),
  ENOTCONN: place('its file system does not answer'),
  ESTALE: place('its file system is gone'),
  ENODEV: place('its device is gone'),
  ENXIO: place('its device is gone'),
  EIO: place('its device reports an error'),
  EBUSY: place('it is in use'),
  EOPNOTSUPP: place('its file system cannot do this'),
  ENOSPC: full('its file system is full'),
  EDQUOT: full('the disk quota is used up'),
  EMFILE: limit('the limit of open files is reached', 'ulimit -n 1024'),
  ENFILE: limit('the limit of open files of the host is reached', 'sysctl fs.file-max shows the limit'),
  EFBIG: limit('the limit of file sizes is reached', 'ulimit -f unlimited'),
  EAGAIN: limit('the limit of processes is reached', 'ulimit -u shows how many you may have'),
  ENOMEM: limit('there is not enough memory', 'ulimit -v shows how much one process may have'),
};

/** Longer paths are shortened in messages. */
const longestShown = 200;

/** Describes an error that Node threw for a failed system call; null: it is something else, or not one that an environment can cause. */
export function describeSystemError(error: unknown): SystemFailure | null {
  if (!(error instanceof Error)) return null;
  const { code = '', errno, syscall, path } = error as NodeJS.ErrnoException;
  const answer = syscall === undefined ? undefined : answers[errno === quotaErrno ? 'EDQUOT' : code];
  return answer === undefined ? null : { ...answer, path: path ?? null };
}

/** The error to report for a failed system call, or null like `describeSystemError`; `hint` replaces the usual one. */
export function toSystemFailure(error: unknown, hint?: string): IsolateError | null {
  const failure = describeSystemError(error);
  if (failure === null) return null;
  const { syscall = '' } = error as NodeJS.ErrnoException;
  const verb = syscall.startsWith('spawn') ? 'started' : syscall === 'write' ? 'written' : 'used';
  const advice = hint ?? failure.hint;
  const message = `${failure.path === null ? 'A file' : shorten(failure.path)} cannot be ${verb}: ${failure.reason}.`;
  return new IsolateError(failure.code, message, advice === undefined ? {} : { hint: advice });
}

function shorten(path: string): string {
  return path.length <= longestShown ? path : `${path.slice(0, longestShown)}...`;
}
