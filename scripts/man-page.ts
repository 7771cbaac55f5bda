import type { Engine } from '../src/engine/engine.ts';
import { engineRows } from '../src/cli/engine-table.ts';
import { describeOption, exitStatuses, files, filesOf, optionsOf, settingsFiles } from '../src/cli/help.ts';
import { formatOption } from '../src/cli/format-option.ts';
import { optionGroups, options } from '../src/cli/options.ts';
import type { Option } from '../src/cli/option.ts';
import type { OptionGroup } from '../src/spec/options/option.ts';
import { allVerbs, type Verb } from '../src/cli/verbs.ts';
import { verbHelp } from '../src/cli/verb-help.ts';

const verbs = Object.entries(verbHelp);

/** The manual page isolate(1) as roff (man(7)), made from the tables that help is made from. */
export function renderManPage(engines: readonly Engine[], version: string): string {
  return `${[
    head('isolate', 'run a command in a throw-away clone of a Linux root', version),
    section('SYNOPSIS'),
    verbs.map(([, { form }]) => `.B ${escape(form)}\n.br`).join('\n'),
    section('DESCRIPTION'),
    paragraph(
      'Runs a command in a fresh copy-on-write clone of a template, a dataset or directory with a Linux root, and throws the clone away afterwards. A pool of ready clones makes that instant; an engine sets how strongly the run is isolated.',
    ),
    verbs.map(([verb, { summary, more }]) => item(verb, more === undefined ? summary : `${summary}. ${more}`)).join('\n'),
    section('OPTIONS'),
    renderGroups(optionGroups),
    ...aboutEngines(engines),
    section('ENVIRONMENT'),
    paragraph('An option overrides its variable. An empty variable counts as unset.'),
    options
      .flatMap(({ variable, long }) => (variable === undefined ? [] : [item(variable.name, variable.says ?? `the same as --${long}`)]))
      .join('\n'),
    paragraph(
      'The command itself starts with PATH, HOME=/root, USER=root, LOGNAME=root, the TERM of the caller, and what -v and --env-file set. It gets nothing else from the caller.',
    ),
    section('EXIT STATUS'),
    paragraph('Of a run:'),
    items(exitStatuses),
    paragraph(otherStatuses),
    section('FILES'),
    items([...files, ...settingsFiles]),
    section('EXAMPLES'),
    items(verbs.flatMap(([, { examples }]) => examples)),
    seeAlso([...allVerbs.map(pageOf), 'bwrap', 'lxc-execute', 'chroot'], ['zfs']),
  ].join('\n')}\n`;
}

/** The name of the page of one verb; that of a verb of one word man finds as `man isolate VERB` too. */
export function pageOf(verb: Verb): string {
  return `isolate-${verb.replace(' ', '-')}`;
}

/** The manual page of one verb. */
export function renderVerbPage(verb: Verb, engines: readonly Engine[], version: string): string {
  const { form, summary, more, examples } = verbHelp[verb];
  const own = { options: optionsOf(verb), files: filesOf(verb) };
  return `${[
    head(pageOf(verb), summary, version),
    section('SYNOPSIS'),
    `.B ${escape(form)}`,
    ...(more === undefined ? [] : [section('DESCRIPTION'), paragraph(more)]),
    ...(own.options.length === 0 ? [] : [section('OPTIONS'), renderGroups(own.options)]),
    ...(verb === 'run' ? [...aboutEngines(engines), section('EXIT STATUS'), items(exitStatuses)] : []),
    ...(own.files.length === 0 ? [] : [section('FILES'), items(own.files)]),
    ...(examples.length === 0 ? [] : [section('EXAMPLES'), items(examples)]),
    seeAlso(['isolate'], []),
  ].join('\n')}\n`;
}

const otherStatuses = 'Of other verbs: 0 done, 1 failed, 2 usage.';

/** The first line has the tables drawn (man(1)). */
function head(name: string, summary: string, version: string): string {
  const title = `.TH ${escape(name.toUpperCase())} 1 "" ${quote(`isolate ${version}`)} "User Commands"`;
  return ['\'\\" t', title, section('NAME'), `${escape(name)} ${escape('-')} ${escape(summary)}`].join('\n');
}

function aboutEngines(engines: readonly Engine[]): string[] {
  return [section('ENGINES'), renderTable(engineRows(engines))];
}

function renderGroups(groups: readonly OptionGroup<Option>[]): string {
  return groups
    .map(({ title, options: members }) =>
      [`.SS ${quote(title)}`, ...members.map((option) => item(formatOption(option).trim(), describeOption(option)))].join('\n'),
    )
    .join('\n');
}

function items(entries: readonly (readonly [term: string, meaning: string])[]): string {
  return entries.map(([term, meaning]) => item(term, meaning)).join('\n');
}

function seeAlso(commands: readonly string[], administration: readonly string[]): string {
  const pages = [...commands.map((name) => [name, 1] as const), ...administration.map((name) => [name, 8] as const)];
  return [section('SEE ALSO'), pages.map(([name, chapter]) => `.BR ${escape(name)} (${chapter})`).join(',\n')].join('\n');
}

function section(title: string): string {
  return `.SH ${title}`;
}

function paragraph(text: string): string {
  return `.PP\n${escape(text)}`;
}

function item(term: string, text: string): string {
  return `.TP\n.B ${escape(term)}\n${escape(text)}`;
}

function renderTable(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0;
  return ['.TS', `${'l '.repeat(columns).trim()}.`, ...rows.map((row) => row.map(escape).join('\t')), '.TE'].join('\n');
}

function quote(text: string): string {
  return `"${escape(text).replaceAll('"', String.raw`\(dq`)}"`;
}

/** roff takes a backslash, a dash and a leading dot or apostrophe for its own. */
function escape(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll(/^[.']/gm, String.raw`\&$&`);
}
