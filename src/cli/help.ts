import type { Engine } from '../engine/engine.ts';
import { formatEngineTable } from './engine-table.ts';
import { formatOption } from './format-option.ts';
import type { Example, VerbHelp } from './help-entry.ts';
import type { OptionGroup } from '../spec/options/option.ts';
import type { Option } from './option.ts';
import { optionGroups } from './options.ts';
import { isVerbOf, type Verb, verbs, verbsBelow } from './verbs.ts';
import { verbHelp } from './verb-help.ts';
import { wrap } from './wrap.ts';

/** The exit statuses of a run. */
export const exitStatuses: readonly (readonly [status: string, meaning: string])[] = [
  ["the command's own", 'it ran and exited'],
  ['128+N', 'signal N killed it'],
  ['124', 'it ran longer than --timeout'],
  ['125', 'isolate failed or was called wrongly: the command was not run'],
  ['126', 'the command was found but could not be executed'],
  ['127', 'the command was not found in the sandbox'],
];

/** The daemon's settings and sockets. */
export const files: readonly (readonly [path: string, meaning: string])[] = [
  ['/etc/isolate/config.toml', 'settings: templates, pool sizes, who may use them, limits'],
  ['/etc/isolate/config.d/*.toml', 'more settings, read in the order of their names; the last one wins'],
  ['/run/isolate/isolated.sock', 'the daemon, for root and the group isolate'],
  ['/run/isolate/metrics.sock', 'its metrics, for the same users'],
];

/** The settings of runs, and what belongs to them. */
export const settingsFiles: readonly (readonly [path: string, meaning: string])[] = [
  ['~/.config/isolate/config.toml', 'settings of your runs: a default template, presets, aliases'],
  ['.isolate.toml', 'those of a project, used once you have approved them'],
  ['~/.local/state/isolate/approved', 'what you have approved'],
];

/** The width of the terminal that help is formatted for. */
const columns = 80;
/** The daemon's verb and those that ask the daemon. */
const daemonVerbs: readonly Verb[] = ['serve', 'status', 'ps', 'list', 'kill'];
/** Groups of options that the general help leaves to `isolate help run`. */
const rareGroups: readonly string[] = ['Refresh', 'Compatibility'];

/** The text of `--help`, or the full help on a verb. */
export function renderHelp(engines: readonly Engine[], verb: Verb | null): string {
  return verb === null ? renderOverview() : renderVerb(engines, verb);
}

function renderOverview(): string {
  const { summary, form } = verbHelp.run;
  return [
    `Usage: ${form}\n\n${sentence(summary)}\n`,
    renderExamples(verbHelp.run.examples.slice(0, 4)),
    `Verbs (run may be left out)\n${renderTerms(summaries(verbs), 14)}`,
    renderOptions('run', rareGroups, ({ help }) => help),
    'isolate help run has the rest: engines, exit status, variables, compatibility.\n' +
      'isolate help VERB describes another verb. The manual pages are isolate(1) and\nisolate-VERB(1).\n',
  ].join('\n');
}

function renderVerb(engines: readonly Engine[], verb: Verb): string {
  const { form, summary, more, examples }: VerbHelp = verbHelp[verb];
  const parts = [
    `Usage: ${form}\n\n${sentence(summary)}\n`,
    ...(more === undefined ? [] : [`${wrap(more, columns, 0)}\n`]),
    renderExamples(examples),
    ...(verb === 'template' || verb === 'config' ? [`Verbs\n${renderTerms(summaries(verbsBelow(verb)), 24)}`] : []),
    renderOptions(verb, [], describeOption),
  ];
  if (verb === 'run') {
    parts.push(`Engines\n${formatEngineTable(engines, '  ')}`, `Exit status of a run\n${renderTerms(exitStatuses, 22)}`);
  }
  const own = filesOf(verb);
  if (own.length > 0) parts.push(`Files\n${renderTerms(own, own === files ? 32 : 34)}`);
  return parts.filter((part) => part !== '').join('\n');
}

function summaries(some: readonly Verb[]): readonly (readonly [string, string])[] {
  return some.map((verb) => [verb, verbHelp[verb].summary]);
}

function sentence(text: string): string {
  return wrap(`${text[0]?.toUpperCase()}${text.slice(1)}.`, columns, 0);
}

function renderExamples(examples: readonly Example[]): string {
  return examples.length === 0
    ? ''
    : `Examples\n${examples.map(([line, meaning]) => `  ${line}\n      ${wrap(meaning, columns, 6)}\n`).join('')}`;
}

/** The description of an option, with the variable that does the same. */
export function describeOption(option: Option): string {
  const repeatable = option.repeatable === true ? '; may be repeated' : '';
  return `${option.help}${repeatable}${option.variable === undefined ? '' : ` [${option.variable.name}]`}`;
}

/** The options of a verb, by their groups. */
export function optionsOf(verb: Verb): readonly OptionGroup<Option>[] {
  return optionGroups
    .map(({ title, options }) => ({ title, options: options.filter((option) => option.verbs.includes(verb)) }))
    .filter(({ options }) => options.length > 0);
}

/** The files that a verb has to do with. */
export function filesOf(verb: Verb): typeof files {
  if (daemonVerbs.includes(verb)) return files;
  return isVerbOf('config', verb) ? settingsFiles : [];
}

function renderOptions(verb: Verb, without: readonly string[], describe: (option: Option) => string): string {
  return optionsOf(verb)
    .filter(({ title }) => !without.includes(title))
    .map(({ title, options }) => {
      const terms = options.map((option) => [formatOption(option), describe(option)] as const);
      return `${title}\n${renderTerms(terms, 28)}`;
    })
    .join('\n');
}

/** Terms and their meanings. A meaning begins at the column `indent`, and on a new line if the term is long. */
function renderTerms(terms: readonly (readonly [term: string, meaning: string])[], indent: number): string {
  return terms
    .map(([term, meaning]) => {
      const name = `  ${term}`;
      const text = wrap(meaning, columns, indent);
      return name.length > indent - 2 ? `${name}\n${' '.repeat(indent)}${text}\n` : `${name.padEnd(indent)}${text}\n`;
    })
    .join('');
}
