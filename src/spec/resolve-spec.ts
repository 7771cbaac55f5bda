import { IsolateError } from '../error.ts';
import type { Draft } from './options/option.ts';
import { runOptions } from './options/table.ts';
import { defaultEnvironment } from './parse-environment.ts';
import type { Caller, CompleteRequest } from './request.ts';
import type { CommandWords, WantedSpec } from './spec.ts';

/** The spec of a run without options. */
export const plainSpec: Omit<WantedSpec, 'engine' | 'root' | 'command' | 'variables'> = {
  readOnlyRoot: false,
  environment: {},
  binds: [],
  shareNetwork: false,
  disks: [],
  cards: [],
  debugInit: false,
  passthrough: [],
  limits: {},
  graceMs: 10_000,
  waitMs: 10_000,
  seccomp: true,
  socketcall: false,
  hooks: {},
  tun: false,
};

/**
 * The complete, checked spec of a request: the defaults, changed by its options in the order of their table. Throws one IsolateError for
 * the first mistake: `usage`, `bad-name`, `bad-bind`, `bad-environment`.
 */
export function resolveSpec(request: CompleteRequest, caller: Caller): WantedSpec {
  const bare: Draft = { ...plainSpec, engine: request.engine, root: null, variables: defaultEnvironment(caller.environment) };
  const { root, ...draft } = runOptions.reduce((spec, { settle }) => settle(spec, request, caller), bare);
  if (root === null) {
    throw new IsolateError('usage', 'Nothing to run on: give -c TEMPLATE, -z DATASET or -t DIR.', {
      hint: 'isolate template list shows the templates, isolate template create --help how to make one',
    });
  }
  if (draft.kernel !== undefined && draft.kernel.file === undefined && draft.kernel.release === undefined) {
    throw new IsolateError('usage', '--modules needs --kernel or --kernel-version.');
  }
  return { ...draft, root, command: checkCommand(request.command ?? []) };
}

/** Null: there is none. */
function checkCommand(words: readonly string[]): CommandWords | null {
  const [file, ...args] = words;
  if (file === undefined) return null;
  if (file === '') {
    throw new IsolateError('usage', 'The command is an empty string.');
  }
  const bad = words.findIndex((word) => word.includes('\0'));
  if (bad >= 0) {
    throw new IsolateError('usage', `Word ${bad + 1} of the command contains a NUL character.`);
  }
  return [file, ...args];
}
