import { isDeepStrictEqual } from 'node:util';
import { IsolateError } from '../error.ts';
import type { Config } from './config.ts';
import { loadConfig, parseConfig } from './load.ts';
import type { ConfigPlaces } from './read-files.ts';
import { watchConfigFiles } from './watch-files.ts';

/** Settings that follow changes to their files. */
export interface ConfigSource {
  /** The last valid settings; until there are any, those of a host without files. */
  readonly current: () => Config;
  /** Whether any were valid since this source was made. */
  readonly hasHeld: () => boolean;
  /** Why the files in their present state are not in effect; null: they are. */
  readonly problem: () => ConfigProblem | null;
  /** Rereads the files: the settings in effect, or why the previous ones stay in effect. Never rejects for invalid settings. */
  readonly reload: () => Promise<Config | IsolateError>;
  /** Calls `listener` when the settings in effect change; the returned function stops that. */
  readonly onChange: (listener: (config: Config) => void) => () => void;
  readonly close: () => void;
}

export interface ConfigProblem {
  /** `bad-config`. */
  readonly error: IsolateError;
  /** Since when the files have not been in effect, in milliseconds since 1970. */
  readonly sinceMs: number;
}

export interface ConfigSourceOptions extends ConfigPlaces {
  /** Reload within a second of a change to a file; absent: only when told. */
  readonly watch?: boolean;
  /**
   * Called if the settings are invalid, at first or after a change, or if the files cannot be watched: `bad-config`. `held`: earlier
   * settings were valid.
   */
  readonly onFailure?: (error: IsolateError, held: boolean) => void;
}

/** Reads the settings and keeps them up to date. Never rejects for invalid settings, because they may be corrected. */
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
  /** One at a time: of two concurrent reloads, the one that read first could end last. */
  const reload = (): Promise<Config | IsolateError> => {
    const result = last.then(read);
    last = result.catch(() => {});
    return result;
  };
  const onEvent = async (): Promise<void> => {
    const result = await reload();
    // An editor causes several events for one change.
    if (!(result instanceof IsolateError) || result.message === told) return;
    told = result.message;
    options.onFailure?.(result, held);
  };
  // Watch first, then read, so that no change in between is missed.
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
