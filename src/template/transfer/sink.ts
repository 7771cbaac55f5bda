import { createWriteStream, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';

import { IsolateError } from '../../error.ts';
import { makeScratch } from '../scratch-directory.ts';

/** Where a stream goes. */
export interface Sink {
  readonly stream: Writable;
  /** After all was written: makes it final. */
  readonly finish: () => Promise<void>;
  /** Leaves nothing of it, as far as that can be. Returns why the sink failed, if it did and knows. */
  readonly discard: () => Promise<IsolateError | null>;
}

/** This process's standard output. */
export function openStandardOutput(): Sink {
  return openStream(createWriteStream('', { fd: 1, autoClose: false }), 'standard output');
}

/** A stream, of which nothing can be taken back; `name` is what messages call it. */
export function openStream(stream: Writable, name = 'the stream'): Sink {
  return {
    stream,
    finish: async () => {},
    discard: async () => {
      const { errored } = stream;
      stream.destroy();
      return errored === null ? null : outputFailed(name, errored);
    },
  };
}

/**
 * A file that has its name, for its owner alone, only when it is complete. It replaces another. What a killed process left is removed by
 * the next one that makes a file in this directory. Throws `output-failed`.
 */
export function openFile(path: string): Sink {
  const scratch = attempt(path, () => makeScratch(dirname(path)));
  const draft = join(scratch.path, 'template');
  const stream = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true });
  const closed = new Promise<void>((resolve) => void stream.once('close', resolve));
  return {
    stream,
    finish: async () => {
      await closed;
      attempt(path, () => renameSync(draft, path));
      scratch.remove();
    },
    discard: async () => {
      stream.destroy();
      await closed;
      scratch.remove();
      return stream.errored === null ? null : outputFailed(path, stream.errored);
    },
  };
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw outputFailed(path, cause);
  }
}

function outputFailed(path: string, cause: unknown): IsolateError {
  return new IsolateError('output-failed', `Could not write to ${path}.`, { cause });
}
