/**
 * Every failure isolate reports has one of these codes. They are an interface: `--json`, `--status-fd` and the
 * library pass them on, and docs/exit-status.md lists them.
 */
export type ErrorCode =
  | 'usage'
  | 'bad-name'
  | 'bad-bind'
  | 'bad-environment'
  | 'bad-config'
  | 'unsupported-option'
  | 'missing-tool'
  | 'tool-timeout'
  | 'not-permitted'
  | 'template-missing'
  | 'run-missing'
  | 'template-not-filesystem'
  | 'template-without-snapshot'
  | 'template-not-mounted'
  | 'key-not-loaded'
  | 'pool-suspended'
  | 'pool-full'
  | 'dataset-exists'
  | 'dataset-busy'
  | 'dataset-not-ours'
  | 'storage-failed'
  | 'no-free-clone'
  | 'pool-locked'
  | 'state-unreadable'
  | 'hook-failed'
  | 'socket-missing'
  | 'cannot-enforce'
  | 'limit-reached'
  | 'daemon-failed'
  | 'quota-exceeded'
  | 'launch-failed'
  | 'engine-failed'
  | 'output-failed'
  | 'aborted'
  | 'internal';

/** What an error carries beside its message. */
export interface ErrorDetails {
  /** One action that really mends it, for the user to take. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The messages of what caused an error, the nearest first. */
export function causesOf(error: Error): string[] {
  const causes: string[] = [];
  const seen = new Set<unknown>([error]);
  for (
    let cause = error.cause;
    cause !== undefined && cause !== null && !seen.has(cause);
    cause = cause instanceof Error ? cause.cause : undefined
  ) {
    seen.add(cause);
    causes.push(cause instanceof Error ? cause.message : typeof cause === 'string' ? cause : JSON.stringify(cause));
  }
  return causes;
}

/**
 * The only error isolate throws on purpose. `message` is one full sentence that names the object; `hint` says how to
 * mend it. Anything else that is thrown is a defect and is reported as `internal`.
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
