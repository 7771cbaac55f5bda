import { IsolateError } from '../error.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs `action` with a signal that SIGINT, SIGTERM or SIGHUP abort; a second one ends the process as it would have. */
export async function withStopSignals<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    controller.abort(new IsolateError('aborted', `isolate was stopped by ${name}.`));
    release();
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
