import { IsolateError } from '../error.ts';

/** Until the launch begins, a signal cancels it; from then on signals go to the command. */
export async function withAbortOnSignals<T>(
  ignoreInterrupt: boolean,
  action: (signal: AbortSignal, stop: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let waiting = true;
  const abort = (name: NodeJS.Signals): void => {
    if (waiting && !(ignoreInterrupt && name === 'SIGINT')) {
      controller.abort(new IsolateError('aborted', `${name} arrived before the command started.`));
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, abort);
  try {
    return await action(controller.signal, () => {
      waiting = false;
    });
  } finally {
    for (const name of signals) process.off(name, abort);
  }
}
