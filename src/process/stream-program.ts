import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

import { IsolateError } from '../error.ts';
import { logCommand } from '../log.ts';

/** A program of the host that reads or writes much. */
export interface StreamRequest {
  /** Absolute path. */
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends the program with SIGTERM. */
  readonly signal?: AbortSignal;
}

export interface StreamingProgram {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** When it has ended and its output was read. `exitCode` is 255 if a signal ended it; of standard error the last 64 KiB are kept. */
  readonly ended: Promise<{ readonly exitCode: number; readonly stderr: string }>;
}

const mostErrorBytes = 65_536;

/** Starts a program with pipes. Its standard input may be closed before all was written; its status says why. Throws `missing-tool`. */
export async function startStreaming({ file, args, environment, signal }: StreamRequest): Promise<StreamingProgram> {
  signal?.throwIfAborted();
  logCommand({ file, args });
  const child = spawn(file, [...args], { stdio: 'pipe', cwd: '/', env: { ...environment } });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-mostErrorBytes)));
  child.stdin.on('error', () => {});
  const abort = (): void => void child.kill('SIGTERM');
  const ended = new Promise<{ readonly exitCode: number; readonly stderr: string }>((resolve) => {
    child.once('close', (code) => {
      signal?.removeEventListener('abort', abort);
      resolve({ exitCode: code ?? 255, stderr });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new IsolateError('missing-tool', `${file} cannot be started.`, { cause })));
  });
  signal?.addEventListener('abort', abort, { once: true });
  return { stdin: child.stdin, stdout: child.stdout, ended };
}
