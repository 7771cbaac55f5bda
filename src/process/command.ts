import { constants } from 'node:os';

import { IsolateError } from '../error.ts';
import { logCommand } from '../log.ts';

/** An external command. `file` is an absolute path. The command gets nothing of isolate's own environment. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** After this time the command is killed and given up, dead or not. */
  readonly timeoutMs: number;
  /** Added to PATH and LC_ALL=C. */
  readonly env?: Readonly<Record<string, string>>;
  /** The most that it may print; absent: 100 million characters. */
  readonly mostOutput?: number;
  /** Ends it with SIGTERM, which its status then says. */
  readonly signal?: AbortSignal;
  /** Standard input; absent: closed at once. */
  readonly input?: string;
  /** Called for a command that was given up, with a promise that settles when its process is gone, which may be never. */
  readonly onGivenUp?: (gone: Promise<unknown>) => void;
}

/** The result of a command that ended by itself. `exitCode` is 128 + N if signal N ended it. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** The type of `runCommand` for drivers, so that tests can give them recorded answers. */
export type RunCommand = (command: Command) => Promise<CommandResult>;

/** The environment of programs of the host whose output is read. */
export const plainEnvironment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;

let ownSessions = 0;

/** Whether what this process starts gets a session of its own. */
export function startsSessions(): boolean {
  return ownSessions > 0;
}

/**
 * For a caller that handles the signals of its terminal itself: while `action` runs, commands are started in sessions of their own
 * (setsid(2)), so that Ctrl-C ends none of them in the middle of a step.
 */
export async function withOwnSessions<T>(action: () => Promise<T>): Promise<T> {
  ownSessions += 1;
  try {
    return await action();
  } finally {
    ownSessions -= 1;
  }
}

/**
 * Runs a short command to its end and captures what it printed; any exit status is an answer, not an error. Throws `missing-tool` if
 * `file` cannot be started, and `tool-timeout` after `timeoutMs`, without waiting for the end of the process, because one in
 * uninterruptible sleep survives SIGKILL.
 */
export async function runCommand(command: Command): Promise<CommandResult> {
  const result = await runOnce(command);
  // A signal that came between fork(2) and setsid(2) ended it before it had begun.
  const isEnded = startsSessions() && sessionSignals.has(result.exitCode) && command.signal?.aborted !== true;
  return isEnded ? await runOnce(command) : result;
}

/** Exit codes for what a terminal, or a shell that ends a job, sends to all of its processes. */
const sessionSignals: ReadonlySet<number> = new Set(
  (['SIGHUP', 'SIGINT', 'SIGTERM'] as const).map((name) => 128 + constants.signals[name]),
);

async function runOnce(command: Command): Promise<CommandResult> {
  logCommand(command);
  const { execa } = await import('execa');
  const child = execa(command.file, [...command.args], {
    env: { ...plainEnvironment, ...command.env },
    extendEnv: false,
    cwd: '/',
    reject: false,
    stripFinalNewline: false,
    ...(command.mostOutput === undefined ? {} : { maxBuffer: command.mostOutput }),
    ...(command.signal === undefined ? {} : { cancelSignal: command.signal }),
    detached: startsSessions(),
    // A command that has begun is left to finish: a killed zfs leaves more to clean up than one that outlives this process.
    cleanup: false,
    ...(command.input === undefined ? { stdin: 'ignore' } : { input: command.input }),
  });
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), command.timeoutMs);
  });
  const result = await Promise.race([child, givenUp]);
  clearTimeout(timer);
  if (result === null) {
    child.kill('SIGKILL');
    abandon(child);
    command.onGivenUp?.(child.catch(() => undefined));
    throw new IsolateError('tool-timeout', `${command.file} ${command.args[0] ?? ''} did not end within ${command.timeoutMs / 1000} s.`);
  }
  if (result.exitCode === undefined && result.signal === undefined) {
    throw new IsolateError('missing-tool', `${command.file} cannot be started.`, { cause: result.cause });
  }
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? 128 + signalNumber(result.signal) };
}

/** Lets this process end even if the child does not. */
function abandon(child: { unref?: () => void; stdout?: unknown; stderr?: unknown }): void {
  child.unref?.();
  for (const stream of [child.stdout, child.stderr]) {
    (stream as { destroy?: () => void } | null | undefined)?.destroy?.();
  }
}

function signalNumber(signal: string | undefined): number {
  return signal === undefined ? 0 : (constants.signals[signal as NodeJS.Signals] ?? 0);
}
