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
  let continued = false;
  const listeners = forwardedSignals.map((signal) => {
    const listener = (): void => {
      if (ignored.includes(signal)) return;
      if (signal === 'SIGCONT') continued = true;
      handle.forward(signal);
      if (signal === 'SIGTSTP') stop();
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  const stop = (): void => {
    continued = false;
    stopByDefault(listeners);
    // The kernel stops nobody whom no shell would bring back (an orphaned process group), and sends no SIGCONT then. One
    // that was sent has been read by the second turn of the event loop.
    setImmediate(() =>
      setImmediate(() => {
        if (!continued) handle.forward('SIGCONT');
      }),
    );
  };
  try {
    return await fn();
  } finally {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  }
}

/** Takes SIGTSTP as a program without a handler does; returns when this process goes on. */
function stopByDefault(listeners: readonly { readonly signal: NodeJS.Signals; readonly listener: () => void }[]): void {
  const own = listeners.filter(({ signal }) => signal === 'SIGTSTP');
  for (const { signal, listener } of own) process.off(signal, listener);
  process.kill(process.pid, 'SIGTSTP');
  for (const { signal, listener } of own) process.on(signal, listener);
}
