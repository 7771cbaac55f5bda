import type { OptionGroup } from '../spec/options/option.ts';
import type { Option } from './option.ts';

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
      verbs: ['sessions', 'diff'],
      help: 'sessions: those of all users, for root; diff: also what is of no interest',
      carriedBy: 'caller',
    },
    { long: 'porcelain', verbs: ['diff'], help: 'one line a change, in a form that stays', carriedBy: 'caller' },
    { long: 'name-only', verbs: ['diff'], help: 'only the paths', carriedBy: 'caller' },
    { long: 'null', short: 'z', verbs: ['diff'], help: 'end paths with a NUL, and do not quote them', carriedBy: 'caller' },
    { long: 'html', value: 'FILE', completes: 'file', verbs: ['diff'], help: 'write a page for a browser', carriedBy: 'caller' },
  ],
};
