import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { IsolateError } from '../error.ts';
import { logCommand } from '../log.ts';
import { callerEnvironment } from './caller-environment.ts';

/**
 * Runs a user's own command line with /bin/sh on the host, with its output on stderr and the path of the rootfs in ROOTFS. Throws
 * `hook-failed` unless it exits with 0. This is the only place that runs a shell: the line is the caller's, as in sh -c.
 */
export async function runHook(which: 'pre' | 'post', line: string, rootfs: string): Promise<void> {
  logCommand({ file: '/bin/sh', args: ['-c', line] });
  const child = spawn('/bin/sh', ['-c', line], { stdio: ['ignore', 2, 2], env: { ...callerEnvironment(), ROOTFS: rootfs } });
  const [code, signal] = (await once(child, 'exit').catch((cause: unknown) => {
    throw new IsolateError('hook-failed', `The ${which} hook could not be started.`, { cause });
  })) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw hookFailure(which, signal === null ? `exited with ${code}` : `was killed by ${signal}`);
}

/** The error of a hook that did not exit with 0. */
export function hookFailure(which: 'pre' | 'post', how: string): IsolateError {
  return new IsolateError('hook-failed', `The ${which} hook ${how}.`);
}
