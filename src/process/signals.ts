import type { LaunchHandle } from './launch.ts';

const forwardedSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTSTP', 'SIGCONT'] as const;

/**
 * Runs `fn` while every signal for this process goes to the command instead, each exactly once. SIGTSTP also stops this
 * process, so that the caller's shell sees its job stop. Signals in `ignored` are dropped here: the launcher is not told.
 */
export async function withForwardedSignals<T>(
  handle: Pick<LaunchHandle, 'forward'>,
  fn: () => Promise<T>,
  ignored: readonly NodeJS.Signals[] = [],
): Promise<T> {
  const listeners = forwardedSignals.map((signal) => {
    const listener = (): void => {
      if (ignored.includes(signal)) return;
      handle.forward(signal);
      if (signal === 'SIGTSTP') process.kill(process.pid, 'SIGSTOP');
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  try {
    return await fn();
  } finally {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  }
}
