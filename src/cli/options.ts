import { engines } from '../engine/registry.ts';
import type { OptionGroup, RunOption } from '../spec/options/option.ts';
import { rootChoices, rootModifiers } from '../spec/options/root.ts';
import { runOptionGroups } from '../spec/options/table.ts';
import { cpOptions } from './cp-options.ts';
import { createOptions } from './create-options.ts';
import { diffOptions } from './diff-options.ts';
import type { Option } from './option.ts';
import { transferOptions } from './transfer-options.ts';
import { allVerbs, sessionVerbs, verbsBelow, viewVerbs } from './verbs.ts';

const [firstVerb, ...laterVerbs] = allVerbs;
const everyVerb = [firstVerb ?? 'run', ...laterVerbs] as const;
const data = ['run', 'enter', 'exec', 'refresh', 'watch', 'doctor'] as const;
const ofTemplates = verbsBelow('template');
/** Verbs that ask the daemon or read the state directories. */
const asking = [...viewVerbs, 'kill'] as const;

const sharing: OptionGroup<Option> = {
  title: 'Session',
  options: [{ long: 'shared', verbs: ['enter'], help: 'if a run uses the session, join it instead of being refused', carriedBy: 'caller' }],
};

const refreshing: OptionGroup<Option> = {
  title: 'Refresh',
  options: [
    { long: 'force', short: 'f', verbs: ['run', 'refresh'], help: 'replace all clones, including fresh ones', carriedBy: 'caller' },
    {
      long: 'skip-create',
      short: 's',
      verbs: ['run', 'refresh'],
      help: 'destroy used clones without making new ones',
      carriedBy: 'caller',
    },
  ],
};

/** The options of `template create` that other verbs have too. */
const ofOthers: ReadonlySet<string> = new Set(['max-size']);

const registries: OptionGroup<Option> = {
  title: 'Registries',
  options: [
    {
      long: 'compress',
      value: 'gzip|zstd',
      completes: 'none',
      verbs: ['template push'],
      help: 'how the layer is compressed (default: gzip, which every tool reads)',
      carriedBy: 'caller',
    },
    {
      long: 'insecure',
      verbs: ['template create', 'template push', 'template pull'],
      help: 'use a registry without TLS, or with any certificate',
      carriedBy: 'caller',
    },
  ],
};

const watching: OptionGroup<Option> = {
  title: 'Watching isolate at work',
  options: [
    {
      long: 'ignore-sigint',
      short: 'i',
      verbs: ['run', 'enter', 'exec'],
      help: 'isolate itself ignores SIGINT; the command still receives it',
      carriedBy: 'launcher',
    },
    { long: 'dry-run', verbs: ['run'], help: 'print what would be started, and start nothing', carriedBy: 'caller' },
    {
      long: 'json',
      verbs: [...data, ...asking, ...sessionVerbs, ...ofTemplates, 'config check', 'config show', 'serve'],
      help: 'print data and errors as JSON',
      carriedBy: 'launcher',
    },
    {
      long: 'status-fd',
      value: 'N',
      completes: 'none',
      verbs: ['run', 'enter', 'exec'],
      help: 'write events to descriptor N, one JSON object per line',
      carriedBy: 'launcher',
    },
    {
      long: 'trace',
      short: 'x',
      verbs: [...data, ...asking, ...sessionVerbs, ...ofTemplates, 'serve'],
      help: 'log every external command with its arguments',
      carriedBy: 'launcher',
    },
    {
      long: 'quiet',
      short: 'q',
      verbs: [...data, ...sessionVerbs, ...ofTemplates],
      help: 'only warnings and errors',
      carriedBy: 'launcher',
    },
    { long: 'watch', verbs: viewVerbs, help: 'keep showing changes until q or Ctrl-C', carriedBy: 'caller' },
  ],
};

const other: OptionGroup<Option> = {
  title: 'Other',
  options: [
    {
      long: 'snapshot',
      verbs: ['template shell', 'template exec'],
      help: 'keep the state after it as a snapshot, if anything changed; exec does so only if its command succeeds',
      carriedBy: 'caller',
    },
    { long: 'now', verbs: ['kill'], help: 'send SIGKILL at once', carriedBy: 'caller' },
    {
      long: 'front',
      value: 'PATH',
      completes: 'file',
      verbs: ['serve'],
      help: 'wait for the front at the socket PATH instead of starting one',
      carriedBy: 'caller',
    },
    {
      long: 'system',
      verbs: ['config edit', 'template default'],
      help: 'change /etc/isolate/config.toml instead of your own settings',
      carriedBy: 'caller',
    },
    { long: 'prove', verbs: ['doctor'], help: 'start a sandbox with these options and attack it from inside', carriedBy: 'caller' },
    { long: 'help', short: 'h', verbs: everyVerb, help: 'print this help', carriedBy: 'caller' },
    { long: 'version', verbs: everyVerb, help: 'print the version', carriedBy: 'caller' },
  ],
};

const compatibility: OptionGroup<Option> = {
  title: 'Compatibility',
  options: [
    {
      long: 'refresh',
      short: 'r',
      value: 'TEMPLATE',
      completes: 'dataset',
      verbs: ['run'],
      help: 'the same as: isolate refresh TEMPLATE [COUNT]',
      carriedBy: 'caller',
    },
    {
      long: 'install-wrapper',
      short: 'w',
      value: 'TEMPLATE',
      completes: 'directory',
      verbs: ['run'],
      help: 'does nothing: nothing needs to be installed in a template',
      carriedBy: 'caller',
    },
  ],
};

/** With the names of the engines, which the table of options does not know. */
function describe(option: RunOption): RunOption {
  const { completes, feature, help, variable } = option;
  if (completes === 'engine') return { ...option, help: `${help}: ${alternatives(engines.map(({ name }) => name))}` };
  const able = engines.filter(({ capabilities }) => feature !== undefined && capabilities.features.includes(feature));
  const heeding = engines.find(({ capabilities }) => variable !== undefined && capabilities.variables.includes(variable.name));
  return {
    ...option,
    ...(able.length === 1 ? { help: `${able[0]?.name}: ${help}` } : {}),
    ...(variable?.ofEngine === true ? { variable: { ...variable, says: `${variable.says}; only with the ${heeding?.name} engine` } } : {}),
  };
}

/** `a (default), b or c` */
function alternatives([first, ...others]: readonly string[]): string {
  return `${first} (default)${others.map((name, index) => `${index < others.length - 1 ? ', ' : ' or '}${name}`).join('')}`;
}

/** Those that a session settles are not for going on in it. */
function verbsOf({ long }: RunOption): Option['verbs'] {
  if (long === 'env') return ['run', 'enter', 'exec', 'doctor'];
  const isSettled = [...rootChoices, ...rootModifiers, 'keep', 'keep-on-failure', 'wait'].includes(long);
  return isSettled ? ['run', 'doctor'] : ['run', 'enter', 'doctor'];
}

/** Every option, in the order in which help prints them. doctor --prove takes the options of a run, whose sandbox it attacks. */
export const optionGroups: readonly OptionGroup<Option>[] = [
  ...runOptionGroups.map(({ title, options }) => ({
    title,
    options: options.map((option) => ({ ...describe(option), verbs: verbsOf(option) })),
  })),
  {
    ...createOptions,
    options: createOptions.options.map((option) => ({
      ...option,
      verbs: ofOthers.has(option.long)
        ? (['template create', 'template pull', 'template receive'] as const)
        : (['template create'] as const),
    })),
  },
  registries,
  transferOptions,
  sharing,
  refreshing,
  watching,
  diffOptions,
  cpOptions,
  other,
  compatibility,
];

export const options: readonly Option[] = optionGroups.flatMap((group) => group.options);
