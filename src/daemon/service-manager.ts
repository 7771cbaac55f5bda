import { logEvent } from '../log.ts';
import { findTool } from '../host/tools.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { runCommand } from '../process/command.ts';

/**
 * Tells systemd that clients are served, if it started this process and waits for that. It runs systemd-notify, because Node cannot send
 * the datagram of sd_notify(3). Does nothing otherwise; a failure is logged.
 */
export async function tellServiceManager(environment: NodeJS.ProcessEnv = callerEnvironment()): Promise<void> {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket === undefined) return;
  const file = findTool('systemd-notify', 'root', undefined);
  try {
    if (file === null) throw new Error('systemd-notify is not installed');
    // systemd-notify of root notifies on behalf of the process that started it.
    const { exitCode, stderr } = await runCommand({ file, args: ['--ready'], timeoutMs: 5_000, env: { NOTIFY_SOCKET: socket } });
    if (exitCode !== 0) throw new Error(stderr.trim());
  } catch (error) {
    logEvent('error', { event: 'notify' }, `Could not tell systemd that the daemon is ready: ${(error as Error).message}.`);
  }
}
