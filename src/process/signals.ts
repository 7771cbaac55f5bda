import type { LaunchHandle } from './launch.ts';

const forwardedSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTSTP', 'SIGCONT'] as const;

/**
 * How late the SIGCONT that ended a stop may be read, because the thread that the kernel chose for it has to run first. There is none if
 * the kernel did not stop us because no shell could continue us (an orphaned process group, setpgid(2)); then another SIGCONT within this
 * time is mistaken for it.
 */
const longestDelayMs = 2_000;

/**
 * Runs `fn` while every signal for this process goes to the command instead, each exactly once. SIGTSTP also stops this
 * process, so that the caller's shell sees its job stop. Signals in `ignored` are dropped here: the launcher is not told.
 */
export async function withForwardedSignals<T>(
  handle: Pick<LaunchHandle, 'forward'>,
  fn: () => Promise<T>,
  ignored: readonly NodeJS.Signals[] = [],
): Promise<T> {
  // SIGCONTs that ended a stop and have not been read here yet. The command has already been sent its own.
  let owed = 0;
  let owedUntilMs = 0;
  const isOwed = (): boolean => {
    if (owed === 0 || performance.now() > owedUntilMs) return false;
    owed -= 1;
    return true;
  };
  const listeners = forwardedSignals.map((signal) => {
    const listener = (): void => {
      if (ignored.includes(signal) || (signal === 'SIGCONT' && isOwed())) return;
      handle.forward(signal);
      if (signal === 'SIGTSTP') stop();
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  const stop = (): void => {
    stopByDefault(listeners);
    handle.forward('SIGCONT');
    if (performance.now() > owedUntilMs) owed = 0;
    owed += 1;
    owedUntilMs = performance.now() + longestDelayMs;
  };
  try {
    return await fn();
  } finally {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  }
}

/** Stops this process as SIGTSTP does without a handler; returns when it is continued. */
function stopByDefault(listeners: readonly { readonly signal: NodeJS.Signals; readonly listener: () => void }[]): void {
  const own = listeners.filter(({ signal }) => signal === 'SIGTSTP');
  for (const { signal, listener } of own) process.off(signal, listener);
  process.kill(process.pid, 'SIGTSTP');
  for (const { signal, listener } of own) process.on(signal, listener);
}
