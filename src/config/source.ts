import { isDeepStrictEqual } from 'node:util';
import { IsolateError } from '../error.ts';
import type { Config } from './config.ts';
import { loadConfig, parseConfig } from './load.ts';
import type { ConfigPlaces } from './read-files.ts';
import { watchConfigFiles } from './watch-files.ts';

/** Settings that follow their files. */
export interface ConfigSource {
  /** The last ones that were valid; as long as none were, those of a host without files. */
  readonly current: () => Config;
  /** Whether any were valid since this source was made. */
  readonly hasHeld: () => boolean;
  /** Why the files as they are now are not what holds; null: they are. */
  readonly problem: () => ConfigProblem | null;
  /** Reads the files again: what holds now, or why that is still what held before. Never rejects for bad settings. */
  readonly reload: () => Promise<Config | IsolateError>;
  /** Calls `listener` with settings that differ from those before; what is returned ends that. */
  readonly onChange: (listener: (config: Config) => void) => () => void;
  readonly close: () => void;
}

export interface ConfigProblem {
  /** `bad-config`. */
  readonly error: IsolateError;
  /** Since when what holds is not what the files say, in milliseconds since 1970. */
  readonly sinceMs: number;
}

export interface ConfigSourceOptions extends ConfigPlaces {
  /** Reload within a second after a file has changed; absent: only when told. */
  readonly watch?: boolean;
  /**
   * Told of settings that are not valid, to begin with or after a change, or that the files cannot be watched: `bad-config`.
   * `held` is whether any were valid before.
   */
  readonly onFailure?: (error: IsolateError, held: boolean) => void;
}

/** Reads the settings and keeps them up to date. Never rejects for settings that are not valid: they may be corrected. */
export async function createConfigSource(options: ConfigSourceOptions = {}): Promise<ConfigSource> {
  let current = await parseConfig([]);
  let held = false;
  let told = '';
  let problem: ConfigProblem | null = null;
  let last: Promise<unknown> = Promise.resolve();
  const listeners = new Set<(config: Config) => void>();

  const read = async (): Promise<Config | IsolateError> => {
    let next: Config;
    try {
      next = await loadConfig(options);
    } catch (error) {
      if (!(error instanceof IsolateError)) throw error;
      problem = { error, sinceMs: problem?.sinceMs ?? Date.now() };
      return error;
    }
    told = '';
    problem = null;
    if (held && isDeepStrictEqual(next, current)) return current;
    held = true;
    current = next;
    for (const listener of listeners) listener(next);
    return next;
  };
  /** One at a time: of two that run beside each other, the one that read first could end last. */
  const reload = (): Promise<Config | IsolateError> => {
    const result = last.then(read);
    last = result.catch(() => {});
    return result;
  };
  const onEvent = async (): Promise<void> => {
    const result = await reload();
    // An editor makes several events of one change.
    if (!(result instanceof IsolateError) || result.message === told) return;
    told = result.message;
    options.onFailure?.(result, held);
  };
  // First the watch, then the look: what happens after it is noticed.
  const close = options.watch === true ? watchConfigFiles(options, onEvent, (error) => options.onFailure?.(error, held)) : () => {};
  await onEvent();
  return {
    current: () => current,
    hasHeld: () => held,
    problem: () => problem,
    reload,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close,
  };
}
