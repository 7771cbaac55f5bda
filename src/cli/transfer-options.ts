import type { OptionForm, OptionGroup } from '../spec/options/option.ts';

/** The options of `template send` and `template receive`. */
export const transferOptions: OptionGroup<OptionForm & { readonly verbs: readonly ['template send' | 'template receive'] }> = {
  title: 'Sending a template',
  options: [
    { long: 'tar', verbs: ['template send'], help: 'send a tar archive, which every storage takes', carriedBy: 'caller' },
    {
      long: 'offer',
      verbs: ['template receive'],
      help: 'print what there is of the template already, for a sender, as JSON',
      carriedBy: 'caller',
    },
    {
      long: 'keep-alive',
      verbs: ['template receive'],
      help: 'write an empty line now and then, by which a dead connection to the sender is noticed',
      carriedBy: 'caller',
    },
    { long: 'abort', verbs: ['template receive'], help: 'throw away what an interrupted transfer left', carriedBy: 'caller' },
  ],
};
