import { Readable, Writable } from 'node:stream';

import type { Change } from '../changes/change.ts';
import type { Report } from '../changes/finding.ts';
import { copy as copyFiles } from '../copy/copy.ts';
import { type FoundChanges, findChanges } from '../diff/find-changes.ts';
import { withSessionRoot } from '../diff/session-changes.ts';
import { IsolateError } from '../error.ts';
import type { Facts } from '../host/facts.ts';
import type { Outcome } from '../launch/outcome.ts';
import { listCallersSessions, removeCallersSessions, renameCallersSession } from '../run/callers-sessions.ts';
import type { RunOptions } from '../run/run-options.ts';
import type { ListedSession } from '../session/look.ts';
import { parseSessionName } from '../spec/parse-name.ts';
import type { RunRequest } from '../spec/request.ts';
import { callerContext } from '../template/context.ts';
import { run } from '../template/run-on.ts';

/** Called with one full sentence each. */
interface Warned {
  readonly onWarning?: (message: string) => void;
}

export interface DiffOptions extends Warned {
  /** Only what is at these paths of the session and below; absent: everything. They are bytes, as latin1, without a slash at the beginning. */
  readonly paths?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface CopyOptions extends Warned {
  /** Keep owners, set-uid bits, capabilities and ACLs. */
  readonly archive?: boolean;
  /** What `-` reads; absent: nothing. */
  readonly input?: Readable;
  /** What `-` writes; absent: nothing. */
  readonly output?: Writable;
  readonly signal?: AbortSignal;
}

/**
 * The sessions of the caller. A run makes one by `keep` or `keepOnFailure` in its request. All members throw only IsolateError:
 * `session-missing`, `session-in-use`, and the codes of docs/exit-status.md for what else can fail.
 */
export const sessions = {
  /** `all`: everybody's, for root. */
  list: async ({ all = false, onWarning = ignore }: { readonly all?: boolean } & Warned = {}): Promise<readonly ListedSession[]> =>
    await listCallersSessions(await callersFacts(), all, onWarning),
  /** Goes on in a session: as `run`, on its root. */
  enter: async (name: string, request: Omit<RunRequest, RootKey> = {}, options: RunOptions = {}): Promise<Outcome> =>
    await run({ ...request, session: parseSessionName(name) }, options),
  /** If one does not exist, none is removed. */
  remove: async (names: readonly string[], { onWarning = ignore }: Warned = {}): Promise<void> => {
    await removeCallersSessions(await callersFacts(), names, null, onWarning);
  },
  /** Throws `session-exists`. */
  rename: async (name: string, to: string, { onWarning = ignore }: Warned = {}): Promise<void> => {
    await renameCallersSession(await callersFacts(), name, parseSessionName(to), onWarning);
  },
  /** What was changed in a session, in the order of a walk; what was moved is one change. */
  diff: async function* diff(name: string, options: DiffOptions = {}): AsyncGenerator<Change> {
    yield* (await find(name, options)).changes;
  },
  /** What that means. */
  report: async (name: string, options: DiffOptions = {}): Promise<Report> => (await find(name, options)).report,
  /** `isolate cp FROM TO`. Returns how many files were copied; null: what an archive had is not known. Throws `copy-failed`. */
  copy: async (from: string, to: string, options: CopyOptions = {}): Promise<number | null> => {
    const { archive = false, input = Readable.from([]), output = nowhere(), onWarning: warn = ignore, signal } = options;
    const facts = await callersFacts();
    return await copyFiles({ from, to, archive }, { facts, warn, input: () => input, output, ...(signal === undefined ? {} : { signal }) });
  },
};

/** What of a request says which root it is on, or what becomes of it. */
type RootKey = 'clone' | 'zfs' | 'template' | 'ephemeral' | 'storage' | 'session' | 'keep' | 'keepOnFailure';

async function find(name: string, { paths = [], signal, onWarning = ignore }: DiffOptions): Promise<FoundChanges> {
  const wanted = { paths, foldDirectories: true, ...(signal === undefined ? {} : { signal }) };
  return await withSessionRoot(name, await callersFacts(), onWarning, (root) => findChanges(root, wanted));
}

async function callersFacts(): Promise<Facts> {
  return (await callerContext()).facts;
}

function ignore(): void {
  // Nobody asked for warnings.
}

function nowhere(): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => {
      done(new IsolateError('usage', 'There is no output for the archive.', { hint: 'give output' }));
    },
  });
}
