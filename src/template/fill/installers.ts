import { IsolateError } from '../../error.ts';
import { builtInside, keysInside } from './launches.ts';

/** What of a distribution goes into a template. */
export interface DistributionOptions {
  /** An address of an archive; absent: the tool's own. */
  readonly mirror?: string;
  /** In addition to those of the variant. */
  readonly packages?: readonly string[];
  /** A set of packages that mmdebstrap(1) knows; absent: `minbase`. */
  readonly variant?: string;
  /** A file with the keys of the archive, by its absolute path; absent: the distribution's own. */
  readonly keyring?: string;
}

/** A program that installs a release of Debian or Ubuntu into a directory. */
export interface Installer {
  readonly name: string;
  /** Its command line. Throws `unsupported-option`. */
  readonly command: (suite: string, options: DistributionOptions) => readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  /** Of /dev, to be there in the directory. */
  readonly devices: readonly string[];
}

const usualVariant = 'minbase';

/** The ones to use, the best first. */
export const installers: readonly Installer[] = [
  {
    name: 'mmdebstrap',
    // As root of its user namespace; it then only makes a mount namespace.
    command: (suite, options) => [
      'mmdebstrap',
      '--mode=unshare',
      '--format=directory',
      ...commonOptions(options),
      ...operands(suite, options),
    ],
    environment: {},
    devices: [],
  },
  {
    name: 'debootstrap',
    command: (suite, options) => {
      const { variant = usualVariant } = options;
      if (variant !== usualVariant && variant !== 'buildd') {
        throw new IsolateError('unsupported-option', `debootstrap has no variant ${variant}.`, { hint: 'apt-get install mmdebstrap' });
      }
      return ['debootstrap', ...commonOptions(options), ...operands(suite, options)];
    },
    // It then does without mknod(2).
    environment: { container: 'lxc' },
    devices: ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'console', 'ptmx'],
  },
];

function commonOptions({ packages = [], variant = usualVariant, keyring }: DistributionOptions): readonly string[] {
  return [
    `--variant=${variant}`,
    ...(packages.length === 0 ? [] : [`--include=${packages.join(',')}`]),
    ...(keyring === undefined ? [] : [`--keyring=${keysInside}`]),
  ];
}

function operands(suite: string, { mirror }: DistributionOptions): readonly string[] {
  return [suite, builtInside, ...(mirror === undefined ? [] : [mirror])];
}
