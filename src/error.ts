import { getSystemErrorMessage } from 'node:util';

/**
 * Every failure isolate reports has one of these codes. They are an interface: `--json`, `--status-fd` and the
 * library pass them on, and docs/exit-status.md lists them.
 */
export const errorCodes = [
  'usage',
  'bad-name',
  'bad-bind',
  'bad-environment',
  'bad-config',
  'unsupported-option',
  'missing-tool',
  'tool-timeout',
  'not-permitted',
  'bad-kernel',
  'bad-template',
  'template-missing',
  'run-missing',
  'session-missing',
  'session-exists',
  'session-in-use',
  'copy-failed',
  'template-not-filesystem',
  'template-without-snapshot',
  'template-exists',
  'template-busy',
  'template-changed',
  'snapshot-missing',
  'update-failed',
  'bad-source',
  'source-too-large',
  'source-failed',
  'push-failed',
  'transfer-failed',
  'template-not-mounted',
  'key-not-loaded',
  'pool-suspended',
  'pool-full',
  'dataset-exists',
  'dataset-busy',
  'dataset-not-ours',
  'storage-failed',
  'no-free-clone',
  'pool-locked',
  'state-unreadable',
  'hook-failed',
  'socket-missing',
  'cannot-enforce',
  'limit-reached',
  'daemon-failed',
  'quota-exceeded',
  'launch-failed',
  'engine-failed',
  'output-failed',
  'aborted',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export function isErrorCode(text: string): text is ErrorCode {
  return (errorCodes as readonly string[]).includes(text);
}

/** What an error has in addition to its message. */
export interface ErrorDetails {
  /** One action for the user that really solves the problem. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** EDQUOT as Node gives it, which has neither a name nor words for it. */
export const quotaErrno = -122;

/** The words of errno(3) for the number of a failed system call, which is negative. */
export function describeErrno(errno: number): string {
  return errno === quotaErrno ? 'disk quota exceeded' : getSystemErrorMessage(errno);
}

/** Codes of errors that say what failed, with the codes of errno(3) that would only repeat it. */
const repetitions: Partial<Record<ErrorCode, readonly string[]>> = {
  'template-missing': ['ENOENT', 'ENOTDIR'],
  'not-permitted': ['EACCES', 'EPERM'],
};

/**
 * The causes of an error, the nearest first, each a sentence or clause. A failed system call is described in the words of errno(3)
 * instead of Node's, and left out if the error itself says the same.
 */
export function causesOf(error: Error): string[] {
  const causes: string[] = [];
  const seen = new Set<unknown>([error]);
  for (
    let cause = error.cause;
    cause !== undefined && cause !== null && !seen.has(cause);
    cause = cause instanceof Error ? cause.cause : undefined
  ) {
    seen.add(cause);
    const text = cause instanceof Error ? describeCause(cause, error) : typeof cause === 'string' ? cause : JSON.stringify(cause);
    if (text !== null) causes.push(text);
  }
  return causes;
}

/** `/srv/x: permission denied`, without the path if the message of `error` has it; null: that message says everything. */
function describeCause(cause: NodeJS.ErrnoException, error: Error): string | null {
  const { errno, syscall, path, code = '' } = cause;
  if (errno === undefined || syscall === undefined || errno >= 0) return cause.message;
  const reason = describeErrno(errno);
  if (path !== undefined && !error.message.includes(path)) return `${path}: ${reason}`;
  return error instanceof IsolateError && repetitions[error.code]?.includes(code) === true ? null : reason;
}

/** What to do about `session-in-use` where a run is what uses it. */
export const sessionInUseHint = 'isolate ps shows that run; wait until it has ended, or join it with isolate enter --shared';

/**
 * The only error that isolate throws on purpose. `message` is one full sentence that names the object; `hint` says how to
 * solve the problem. Anything else that is thrown is a bug and is reported as `internal`.
 */
export class IsolateError extends Error {
  override readonly name = 'IsolateError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** For a promise that rejects: passes over errors with these codes, and throws all others again. */
export function passOver(...codes: readonly ErrorCode[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof IsolateError) || !codes.includes(error.code)) throw error;
  };
}
