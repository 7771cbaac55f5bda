import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The built command line, as a user starts it; $ISOLATE_TEST_DIST names another build's directory. */
export const isolatePath = join(process.env['ISOLATE_TEST_DIST'] ?? join(import.meta.dirname, '../../dist'), 'isolate');

export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that no signal ended, as `toEqual` compares it; `stderr` may be a matcher. */
export function ended(status: number, stdout = '', stderr: unknown = ''): object {
  return { status, signal: null, stdout, stderr };
}

export interface StartOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Run as this user instead of root. */
  readonly uid?: number;
}

/** Starts isolate with pipes for its streams. */
export function startIsolate(args: readonly string[], options: StartOptions = {}): ChildProcess {
  return spawn(isolatePath, args, {
    stdio: 'pipe',
    env: { ...process.env, ...options.environment },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
}

/** Runs isolate to its end. */
export async function isolate(args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  const child = startIsolate(args, options);
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  return await finished(child);
}

/** Collects what a started process writes until it ends. */
export async function finished(child: ChildProcess): Promise<Finished> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { status, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** What isolate's own messages leave of stderr: the command's part. */
export function withoutMessages(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !line.startsWith('isolate: ') && !line.startsWith('hint: '))
    .join('\n');
}
