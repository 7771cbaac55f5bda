import type { OptionGroup } from '../spec/options/option.ts';

/** The options of `template create`. */
export const createOptions: OptionGroup = {
  title: 'Making a template',
  options: [
    {
      long: 'from',
      value: 'SOURCE',
      completes: 'file',
      help: 'make it from a release, a directory, a tar archive or an image',
      carriedBy: 'caller',
    },
    {
      long: 'packages',
      value: 'NAME,...',
      completes: 'none',
      help: 'packages of a release to install too',
      carriedBy: 'caller',
    },
    {
      long: 'variant',
      value: 'NAME',
      completes: 'none',
      help: 'which packages of a release there are anyway (default: minbase)',
      carriedBy: 'caller',
    },
    { long: 'mirror', value: 'URL', completes: 'none', help: 'where a release comes from', carriedBy: 'caller' },
    {
      long: 'keyring',
      value: 'FILE',
      completes: 'file',
      help: 'the keys with which a release is signed',
      carriedBy: 'caller',
    },
    {
      long: 'max-size',
      value: 'SIZE',
      completes: 'none',
      help: 'the most that a source may unpack to (default: 90 % of the free space)',
      carriedBy: 'caller',
    },
    {
      long: 'label',
      value: 'LABEL',
      completes: 'none',
      help: 'keep its first state as a snapshot of this name',
      carriedBy: 'caller',
    },
    { long: 'default', help: 'use it for runs that say nothing else', carriedBy: 'caller' },
  ],
};
