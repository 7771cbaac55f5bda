import { IsolateError } from '../../error.ts';
import { parseDataset } from '../parse-name.ts';
import { parseSeconds } from '../parse-number.ts';
import { parseHostPath } from '../parse-path.ts';
import { type OptionGroup, type RunOption, runOption } from './option.ts';

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
    runOption('zfs', {
      long: 'zfs',
      short: 'z',
      value: 'DATASET',
      completes: 'dataset',
      help: 'run on a fresh clone of DATASET',
      carriedBy: 'launcher',
      settle: (draft, dataset) => ({ ...draft, root: { kind: 'volume', locator: parseDataset(dataset) } }),
    }),
    runOption('template', {
      long: 'template',
      short: 't',
      value: 'DIR',
      completes: 'directory',
      help: 'run on DIR itself: changes stay',
      carriedBy: 'launcher',
      settle: (draft, directory, { cwd }) => {
        if (draft.root !== null) throw new IsolateError('usage', 'A run has one root: -z DATASET and -t DIR cannot both be given.');
        const path = parseHostPath('usage', 'The template directory', directory, cwd);
        if (path === '/') {
          const hint = 'give -t a directory with its own Linux root';
          throw new IsolateError('usage', "The host's own root cannot be a template.", { hint });
        }
        return { ...draft, root: { kind: 'directory', path, write: 'direct' } };
      },
    }),
    // After the two options that it belongs to.
    runOption('ephemeral', {
      long: 'ephemeral',
      help: 'with -t: run on a throw-away overlay of DIR instead',
      carriedBy: 'launcher',
      settle: (draft, ephemeral) => {
        if (!ephemeral || draft.root === null) return draft;
        if (draft.root.kind === 'directory') return { ...draft, root: { ...draft.root, write: 'clone' } };
        throw new IsolateError('usage', '--ephemeral needs -t: clones of a dataset are always thrown away.');
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
