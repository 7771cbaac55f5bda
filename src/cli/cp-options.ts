import type { OptionGroup } from '../spec/options/option.ts';
import type { Option } from './option.ts';

export const cpOptions: OptionGroup<Option> = {
  title: 'Copying',
  options: [
    {
      long: 'archive',
      short: 'a',
      verbs: ['cp'],
      help: 'keep owners, set-uid bits, capabilities and ACLs, too',
      carriedBy: 'caller',
    },
  ],
};
