import type { OptionGroup } from '../spec/options/option.ts';
import type { Option } from './option.ts';

/** The options of `diff` that no other verb has. */
export const diffOptions: OptionGroup<Option> = {
  title: 'Sessions and changes',
  options: [
    {
      long: 'owner',
      value: 'USER',
      completes: 'none',
      verbs: ['rm'],
      help: 'whose sessions they are, for root; otherwise yours',
      carriedBy: 'caller',
    },
    {
      long: 'all',
      verbs: ['sessions', 'diff', 'refresh'],
      help: 'sessions: those of all users, for root; diff: also what is of no interest; refresh: all templates (with -s)',
      carriedBy: 'caller',
    },
    { long: 'stat', verbs: ['diff'], help: 'one line a file, with how many lines or bytes changed', carriedBy: 'caller' },
    { long: 'patch', verbs: ['diff'], help: 'a patch for git apply and patch -p1', carriedBy: 'caller' },
    { long: 'porcelain', verbs: ['diff'], help: 'one line a change, in a form that stays', carriedBy: 'caller' },
    { long: 'name-only', verbs: ['diff'], help: 'only the paths', carriedBy: 'caller' },
    { long: 'null', short: 'z', verbs: ['diff'], help: 'end paths with a NUL, and do not quote them', carriedBy: 'caller' },
    { long: 'sarif', verbs: ['diff'], help: 'the report for programs that read SARIF', carriedBy: 'caller' },
    {
      long: 'html',
      value: 'FILE',
      completes: 'file',
      verbs: ['diff'],
      help: 'write a page for a browser; - is standard output',
      carriedBy: 'caller',
    },
    { long: 'exit-code', verbs: ['diff'], help: 'exit with 1 if anything changed', carriedBy: 'caller' },
  ],
};
