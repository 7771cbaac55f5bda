import { readFileSync, readlinkSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import { toJson } from '../json.ts';
import { isInherited } from '../process/inherited-descriptors.ts';
import type { Outcome } from '../launch/outcome.ts';
import { parseInteger } from '../spec/parse-number.ts';
import { write } from './output.ts';
import { toIsolateError } from './render-error.ts';

/** What `--status-fd` tells, one JSON object a line. The last line is never `started`. */
export interface StatusWriter {
  readonly started: () => void;
  readonly ended: (outcome: Outcome) => void;
  readonly failed: (error: unknown) => void;
}

/** A writer to the descriptor `text` names, or one that says nothing. Throws `usage` for what is not open for writing. */
export function openStatusDescriptor(text: string | undefined): StatusWriter {
  if (text === undefined) {
    return { started: () => {}, ended: () => {}, failed: () => {} };
  }
  const descriptor = parseInteger('--status-fd', text, 1, 65_535);
  if (!isOpenForWriting(descriptor)) {
    throw new IsolateError('usage', `--status-fd ${descriptor} is not open for writing.`);
  }
  const say = (line: object): void => {
    write(descriptor, `${toJson(line)}\n`);
  };
  return {
    started: () => say({ event: 'started' }),
    ended: (outcome) => say(describe(outcome)),
    failed: (error) => {
      const { code, message } = toIsolateError(error);
      say({ event: 'failed', error: code, message });
    },
  };
}

function describe(outcome: Outcome): object {
  switch (outcome.kind) {
    case 'exited':
      return { event: 'exited', code: outcome.code, ...verdict(outcome) };
    case 'killed':
      return { event: 'exited', signal: outcome.signal, ...verdict(outcome) };
    case 'timed-out':
      return { event: 'exited', timedOut: true };
    case 'not-executed':
      return { event: 'failed', error: 'not-executed', errno: outcome.errno };
  }
}

/** Told only where memory ran out. */
function verdict({ outOfMemory }: { readonly outOfMemory?: true }): object {
  return outOfMemory === undefined ? {} : { outOfMemory };
}

/** Node has descriptors of its own, and ends at once when somebody writes to them. */
function isOpenForWriting(descriptor: number): boolean {
  if (!isInherited(descriptor)) return false;
  try {
    // Descriptors of Node's own, such as its event queue, look like `anon_inode:[eventpoll]`.
    if (readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('anon_inode:')) {
      return false;
    }
    const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & 3) !== 0;
  } catch {
    return false;
  }
}
