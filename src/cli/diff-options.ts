import type { OptionGroup } from '../spec/options/option.ts';
import type { Option } from './option.ts';

export const diffOptions: OptionGroup<Option> = {
  title: 'Changes',
  options: [
    { long: 'all', verbs: ['diff'], help: 'list everything, and what is of no interest too', carriedBy: 'caller' },
    { long: 'porcelain', verbs: ['diff'], help: 'one line a change, in a form that stays', carriedBy: 'caller' },
    { long: 'name-only', verbs: ['diff'], help: 'only the paths', carriedBy: 'caller' },
    { long: 'null', short: 'z', verbs: ['diff'], help: 'end paths with a NUL, and do not quote them', carriedBy: 'caller' },
    { long: 'html', value: 'FILE', completes: 'file', verbs: ['diff'], help: 'write a page for a browser', carriedBy: 'caller' },
  ],
};
