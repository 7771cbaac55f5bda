import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { IsolateError } from '../error.ts';
import { logCommand } from '../log.ts';
import { callerEnvironment } from './caller-environment.ts';

/**
 * Has the caller edit a file on its own terminal, with $VISUAL, $EDITOR or vi. The variable may have options; no shell reads it. Throws
 * `missing-tool` if the editor cannot be started, `aborted` if it does not exit with 0.
 */
export async function editFile(path: string): Promise<void> {
  const environment = callerEnvironment();
  const [file = 'vi', ...args] =
    [environment['VISUAL'], environment['EDITOR'], 'vi']
      .find((text) => text?.trim())
      ?.trim()
      .split(/\s+/) ?? [];
  logCommand({ file, args: [...args, path] });
  const child = spawn(file, [...args, path], { stdio: 'inherit', env: environment });
  // The terminal sends it to the editor too.
  const ignore = (): void => {};
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', ignore).on('SIGTERM', pass).on('SIGHUP', pass);
  try {
    const [code, signal] = (await once(child, 'exit').catch((cause: unknown) => {
      throw new IsolateError('missing-tool', `The editor ${JSON.stringify(file)} cannot be started.`, {
        hint: 'set VISUAL or EDITOR',
        cause,
      });
    })) as [number | null, NodeJS.Signals | null];
    if (code === 0) return;
    throw new IsolateError(
      'aborted',
      `The editor ${JSON.stringify(file)} ${signal === null ? `exited with ${code}` : `was killed by ${signal}`}.`,
    );
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', pass).off('SIGHUP', pass);
  }
}
