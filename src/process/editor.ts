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
  let pass = (_signal: NodeJS.Signals): void => {};
  // The terminal sends SIGINT to the editor too.
  const ignore = (): void => {};
  const onSignal = (signal: NodeJS.Signals): void => pass(signal);
  // Before the editor starts: a signal that came between would end isolate and leave the editor.
  process.on('SIGINT', ignore).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  try {
    const child = spawn(file, [...args, path], { stdio: 'inherit', env: environment });
    pass = (signal) => void child.kill(signal);
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
    process.off('SIGINT', ignore).off('SIGTERM', onSignal).off('SIGHUP', onSignal);
  }
}
