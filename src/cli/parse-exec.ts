import { IsolateError } from '../error.ts';
import type { ParsedArguments } from './parsed-arguments.ts';

/** What `isolate exec` is asked for. */
export interface ExecWords {
  /** An id, a PID or the name of a session. */
  readonly run: string;
  readonly command: readonly [string, ...string[]];
  /** As for `parseVariables`. */
  readonly variables: readonly string[];
}

/** Throws `usage`. */
export function parseExec({ words, lists }: ParsedArguments): ExecWords {
  const [run, program, ...args] = words;
  if (run === undefined) throw new IsolateError('usage', 'No run was given.', { hint: 'isolate ps lists the runs' });
  if (program === undefined) throw new IsolateError('usage', 'No command was given.', { hint: 'isolate exec RUN COMMAND' });
  return { run, command: [program, ...args], variables: lists.get('env') ?? [] };
}
