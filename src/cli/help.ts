import type { Engine } from '../engine/engine.ts';
import { formatEngineTable } from './engine-table.ts';
import { formatOption, type Option, optionGroups, options, type Verb } from './options.ts';

/** How each verb is called, and what it does. */
export const synopses: readonly (readonly [verb: Verb, form: string, summary: string])[] = [
  ['run', 'isolate [run] [OPTIONS] [--] COMMAND [ARG...]', 'run a command in a throw-away root'],
  [
    'refresh',
    'isolate refresh [OPTIONS] TEMPLATE [COUNT]',
    'destroy used clones, make missing ones; also: isolate [-f] [-s] -r TEMPLATE [COUNT]',
  ],
  ['watch', 'isolate watch [OPTIONS] [TEMPLATE[=COUNT]...]', 'refresh whenever a run ends, for hosts without systemd'],
  ['status', 'isolate status [OPTIONS] [TEMPLATE...]', 'the pools: clones that are fresh, leased and retired, and who uses them'],
  ['ps', 'isolate ps [OPTIONS]', 'the runs: who, since when, on what'],
  ['serve', 'isolate serve [OPTIONS]', 'the daemon: keeps the pools of the configured templates full and serves the group isolate'],
  ['doctor', 'isolate doctor [OPTIONS]', 'what this host can do, and how to get the rest'],
  ['completion', 'isolate completion bash|zsh|fish', 'print completions for a shell'],
  ['help', 'isolate help [VERB]', 'print this'],
];

/** What a run's exit status says. */
export const exitStatuses: readonly (readonly [status: string, meaning: string])[] = [
  ["the command's own", 'it ran and exited'],
  ['128+N', 'it was killed by signal N'],
  ['124', 'it ran longer than --timeout'],
  ['125', 'isolate itself failed, a usage error included: the command was not run'],
  ['126', 'the command was found but could not be executed'],
  ['127', 'the command was not found in the sandbox'],
];

/** What the daemon is told by, and where it is asked. */
export const files: readonly (readonly [path: string, meaning: string])[] = [
  ['/etc/isolate/config.toml', 'the settings: templates, sizes of their pools, who may use them, limits'],
  ['/etc/isolate/config.d/*.toml', 'more settings, in the order of their names; the last one counts'],
  ['/run/isolate/isolated.sock', 'where the daemon is asked, by root and the members of the group isolate'],
  ['/run/isolate/metrics.sock', 'its metrics, for the same'],
];

/** Verbs of the daemon, and those that ask it. */
const daemonVerbs: readonly (Verb | null)[] = [null, 'serve', 'status', 'ps'];

/** The text of `--help`; of a verb, only what belongs to it. */
export function renderHelp(engines: readonly Engine[], verb: Verb | null): string {
  const forms = synopses.filter(([name]) => verb === null || name === verb);
  const shown = options.filter((option) => verb === null || option.verbs.includes(verb));
  const parts = [
    forms.map(([, form, summary]) => `${form}\n    ${summary}\n`).join(''),
    ...optionGroups.map((group) =>
      renderGroup(
        group,
        shown.filter((option) => option.group === group),
      ),
    ),
  ];
  if (verb === null || verb === 'run') {
    parts.push(
      `The first word that is neither an option nor an option's value begins the command.\n`,
      `Engines\n${formatEngineTable(engines, '  ')}`,
      `Exit status of a run\n${exitStatuses.map(([status, meaning]) => `  ${status.padEnd(18)}  ${meaning}\n`).join('')}`,
    );
  }
  if (daemonVerbs.includes(verb)) parts.push(`Files\n${files.map(([path, meaning]) => `  ${path.padEnd(28)}  ${meaning}\n`).join('')}`);
  return parts.filter((part) => part !== '').join('\n');
}

/** The sentence an option is described by, with the variable that says the same. */
export function describeOption(option: Option): string {
  const repeatable = option.repeatable === true ? '; may be repeated' : '';
  return `${option.help}${repeatable}${option.variable === undefined ? '' : ` [${option.variable}]`}`;
}

function renderGroup(title: string, members: readonly Option[]): string {
  if (members.length === 0) {
    return '';
  }
  const lines = members.map((option) => {
    const name = `  ${formatOption(option)}`;
    return name.length > 26 ? `${name}\n${' '.repeat(28)}${describeOption(option)}` : `${name.padEnd(28)}${describeOption(option)}`;
  });
  return `${title}\n${lines.join('\n')}\n`;
}
