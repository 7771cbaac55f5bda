import { IsolateError } from '../error.ts';
import { withOwnSessions } from '../process/command.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal to this process ended what it did. */
export class StoppedError extends IsolateError {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super('aborted', `isolate was stopped by ${signal}.`);
    this.signal = signal;
  }
}

/**
 * Runs `action` with an AbortSignal that SIGINT, SIGTERM or SIGHUP abort; a second signal ends the process as usual. The handler stays
 * after the first one, because libraries that clean up when a process ends also end it on a signal for which there is no other handler.
 */
export async function withStopSignals<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      release();
      process.kill(process.pid, name);
    }
    controller.abort(new StoppedError(name));
  };
  const release = (): void => {
    for (const name of signals) process.off(name, stop);
  };
  for (const name of signals) process.on(name, stop);
  try {
    return await withOwnSessions(() => action(controller.signal));
  } catch (error) {
    // Whatever failed then: a terminal sends the signal to long-running programs that isolate started too.
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    release();
  }
}
