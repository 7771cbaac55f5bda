import type { VerbHelp } from './help-entry.ts';
import type { VerbsOf } from './options.ts';

/** What help says about the verbs of templates. */
export const templateHelp: Readonly<Record<VerbsOf<'template'>, VerbHelp>> = {
  template: {
    form: 'isolate template VERB ...',
    summary: 'make, list, change and remove templates',
    more:
      'A template is a NAME in your store or in that of the host, a dataset (POOL/NAME) or a directory (/DIR, ./DIR). isolate template VERB ' +
      '--help describes each verb.',
    examples: [],
  },
  'template list': {
    form: 'isolate template list [OPTIONS]',
    summary: 'list templates with their storage, snapshots, size and clones',
    examples: [['isolate template list', 'the templates in your store and in that of the host']],
  },
  'template show': {
    form: 'isolate template show [OPTIONS] TEMPLATE',
    summary: 'show everything that is known about a template',
    examples: [['isolate template show debian', 'its storage, snapshots, clones and defaults']],
  },
};
