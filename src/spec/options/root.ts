import { IsolateError } from '../../error.ts';
import { parseDataset, parseSessionName } from '../parse-name.ts';
import { parseSeconds } from '../parse-number.ts';
import { parseHostPath } from '../parse-path.ts';
import { type DirectoryStorage, directoryStorages, isThrownAway, rootName } from '../root-ref.ts';
import type { Keeping } from '../spec.ts';
import { type Draft, type OptionGroup, type RunOption, runOption } from './option.ts';

/** The options that name a root; a run has one of them. */
export const rootChoices: readonly string[] = ['clone', 'zfs', 'template', 'session'];
/** Those that change what it means. */
export const rootModifiers: readonly string[] = ['ephemeral', 'storage'];

/** What a sandbox runs on. */
export const rootOptions: OptionGroup<RunOption> = {
  title: 'Root',
  options: [
    runOption('engine', {
      long: 'engine',
      short: 'e',
      value: 'NAME',
      completes: 'engine',
      help: 'engine',
      carriedBy: 'launcher',
      settle: (draft, engine) => ({ ...draft, engine }),
    }),
    runOption('clone', {
      long: 'clone',
      short: 'c',
      value: 'TEMPLATE',
      completes: 'template',
      help: 'run on a fresh clone of a template: a name, a dataset or a directory',
      carriedBy: 'launcher',
      // Names have been looked up before.
      settle: (draft, template) => ({
        ...draft,
        root: template.startsWith('/')
          ? { kind: 'directory', path: parseRootDirectory(template, '/'), write: 'clone' }
          : { kind: 'volume', locator: parseDataset(template) },
      }),
    }),
    runOption('zfs', {
      long: 'zfs',
      short: 'z',
      value: 'DATASET',
      completes: 'dataset',
      help: 'run on a fresh clone of DATASET',
      carriedBy: 'launcher',
      settle: (draft, dataset) => {
        refuseSecond(draft);
        return { ...draft, root: { kind: 'volume', locator: parseDataset(dataset) } };
      },
    }),
    runOption('template', {
      long: 'template',
      short: 't',
      value: 'DIR',
      completes: 'directory',
      help: 'run on DIR itself: changes stay',
      carriedBy: 'launcher',
      settle: (draft, directory, { cwd }) => {
        refuseSecond(draft);
        return { ...draft, root: { kind: 'directory', path: parseRootDirectory(directory, cwd), write: 'direct' } };
      },
    }),
    // After the two options that it belongs to.
    runOption('ephemeral', {
      long: 'ephemeral',
      help: 'with -t: run on a throw-away clone of DIR instead',
      carriedBy: 'launcher',
      settle: (draft, ephemeral) => {
        if (!ephemeral || draft.root === null) return draft;
        if (draft.root.kind === 'directory') return { ...draft, root: { ...draft.root, write: 'clone' } };
        throw new IsolateError('usage', '--ephemeral needs -t: clones of a dataset are always thrown away.');
      },
    }),
    runOption('storage', {
      long: 'storage',
      value: 'NAME',
      completes: 'none',
      help: 'what makes the clone of a directory: auto, overlay, btrfs or dir',
      carriedBy: 'launcher',
      settle: (draft, storage) => {
        const parsed = parseStorage(storage);
        if (draft.root === null || parsed === undefined) return draft;
        if (draft.root.kind === 'directory' && draft.root.write === 'clone') return { ...draft, root: { ...draft.root, storage: parsed } };
        throw new IsolateError('usage', `--storage needs a clone of a directory: ${rootName(draft.root)} is none.`, {
          hint: 'use -t DIR --ephemeral, or leave --storage out',
        });
      },
    }),
    // The root that it has was looked up before.
    runOption('session', {
      long: 'session',
      value: 'NAME',
      completes: 'session',
      help: 'run on the root of a session, whose changes stay; the same as isolate enter NAME',
      carriedBy: 'launcher',
      settle: (draft, name) => (draft.root === null ? draft : { ...draft, root: { ...draft.root, session: parseSessionName(name) } }),
    }),
    runOption('keep', {
      long: 'keep',
      value: 'NAME',
      optionalValue: true,
      completes: 'none',
      help: 'keep the root as a session, which isolate enter NAME goes on in',
      carriedBy: 'caller',
      settle: (draft, name) => keep(draft, '--keep', { name: sessionName(name), when: 'always' }),
    }),
    runOption('keepOnFailure', {
      long: 'keep-on-failure',
      value: 'NAME',
      optionalValue: true,
      completes: 'none',
      help: 'the same if the command does not exit with 0',
      carriedBy: 'caller',
      settle: (draft, name) => keep(draft, '--keep-on-failure', { name: sessionName(name), when: 'failure' }),
    }),
    runOption('diff', {
      long: 'diff',
      help: 'at the end, print what was changed in the root, and what it means, on standard error',
      carriedBy: 'caller',
      settle: (draft, diff) => {
        if (!diff) return draft;
        refuseDirect(draft, '--diff');
        return { ...draft, diff };
      },
    }),
    runOption('readOnly', {
      long: 'read-only',
      help: 'make the root read-only',
      feature: 'read-only-root',
      carriedBy: 'launcher',
      settle: (draft, readOnlyRoot) => ({ ...draft, readOnlyRoot }),
    }),
    runOption('waitSeconds', {
      long: 'wait',
      value: 'SECONDS',
      completes: 'none',
      help: 'how long to wait for a free clone (default 10; 0: fail at once)',
      carriedBy: 'launcher',
      settle: (draft, seconds) => ({ ...draft, waitMs: parseSeconds('--wait', seconds, 0) }),
    }),
  ],
};

/** Undefined: what is best. */
function parseStorage(text: string): DirectoryStorage | undefined {
  const found = directoryStorages.find((name) => name === text);
  if (found !== undefined || text === 'auto') return found;
  throw new IsolateError('usage', `There is no storage ${JSON.stringify(text)}.`, { hint: `it is auto, overlay, btrfs or dir` });
}

/** Without a name it gets one later. */
function sessionName(name: string | true): string | null {
  return name === true || name === '' ? null : parseSessionName(name);
}

function keep(draft: Draft, option: string, keeping: Keeping): Draft {
  if (draft.keep !== undefined)
    throw new IsolateError('usage', 'A run is kept either always or on failure: give --keep or --keep-on-failure.');
  refuseDirect(draft, option);
  return { ...draft, keep: keeping };
}

function refuseDirect({ root }: Draft, option: string): void {
  if (root === null || isThrownAway(root)) return;
  throw new IsolateError('usage', `${option} needs a root that is thrown away: changes to ${rootName(root)} itself stay.`, {
    hint: 'use -c TEMPLATE, -z DATASET or -t DIR --ephemeral',
  });
}

function refuseSecond({ root }: Draft): void {
  if (root !== null) throw new IsolateError('usage', 'A run has one root: give only one of -c TEMPLATE, -z DATASET and -t DIR.');
}

function parseRootDirectory(directory: string, cwd: string | null): string {
  const path = parseHostPath('usage', 'The template directory', directory, cwd);
  if (path !== '/') return path;
  throw new IsolateError('usage', "The host's own root cannot be a template.", { hint: 'name a directory with its own Linux root' });
}
