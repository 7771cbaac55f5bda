import { IsolateError } from '../error.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `action` with a signal that SIGINT, SIGTERM or SIGHUP abort; a second one ends the process as it would have. The
 * handler stays in place after the first: libraries that clean up at the end of a process take a signal without any other
 * handler for the end, and bring it about.
 */
export async function withStopSignals<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      release();
      process.kill(process.pid, name);
    }
    controller.abort(new IsolateError('aborted', `isolate was stopped by ${name}.`));
  };
  const release = (): void => {
    for (const name of signals) process.off(name, stop);
  };
  for (const name of signals) process.on(name, stop);
  try {
    return await action(controller.signal);
  } finally {
    release();
  }
}
