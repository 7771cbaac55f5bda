import { constants } from 'node:os';

import { IsolateError } from '../error.ts';
import { logCommand } from '../log.ts';

/** One external command. `file` is an absolute path; it gets no part of isolate's own environment. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** After so long the command is killed and given up, dead or not. */
  readonly timeoutMs: number;
  /** Added to PATH and LC_ALL=C. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; absent: closed at once. */
  readonly input?: string;
  /** Told of a command that was given up; settles when its process is gone, which may be never. */
  readonly onGivenUp?: (gone: Promise<unknown>) => void;
}

/** What a command that ended by itself left. `exitCode` is 128 + N for one that signal N ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** How drivers are given `runCommand`, so that tests can hand them recorded answers. */
export type RunCommand = (command: Command) => Promise<CommandResult>;

const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/**
 * Runs a short command to its end and captures what it printed; any exit status is an answer, not an error.
 * Throws `missing-tool` if `file` cannot be started, `tool-timeout` after `timeoutMs`: a process in uninterruptible
 * sleep survives SIGKILL, so the answer does not wait for its end.
 */
export async function runCommand(command: Command): Promise<CommandResult> {
  logCommand(command);
  const { execa } = await import('execa');
  const child = execa(command.file, [...command.args], {
    env: { ...environment, ...command.env },
    extendEnv: false,
    cwd: '/',
    reject: false,
    stripFinalNewline: false,
    // What was begun is ended by itself: a killed zfs leaves more to tidy up than one that outlives this process.
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

/** Lets this process end although the child may not. */
function abandon(child: { unref?: () => void; stdout?: unknown; stderr?: unknown }): void {
  child.unref?.();
  for (const stream of [child.stdout, child.stderr]) {
    (stream as { destroy?: () => void } | null | undefined)?.destroy?.();
  }
}

function signalNumber(signal: string | undefined): number {
  return signal === undefined ? 0 : (constants.signals[signal as NodeJS.Signals] ?? 0);
}
