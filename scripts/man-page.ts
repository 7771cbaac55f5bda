import type { Engine } from '../src/engine/engine.ts';
import { engineRows } from '../src/cli/engine-table.ts';
import { describeOption, exitStatuses, files, settingsFiles } from '../src/cli/help.ts';
import { formatOption } from '../src/cli/format-option.ts';
import { optionGroups, options } from '../src/cli/options.ts';
import { verbHelp } from '../src/cli/verb-help.ts';

const verbs = Object.entries(verbHelp);

/** The manual page isolate(1) as roff (man(7)), made from the tables that help is made from. */
export function renderManPage(engines: readonly Engine[], version: string): string {
  return `${[
    '\'\\" t',
    `.TH ISOLATE 1 "" ${quote(`isolate ${version}`)} "User Commands"`,
    section('NAME'),
    `isolate ${escape('-')} run a command in a throw${escape('-')}away clone of a Linux root`,
    section('SYNOPSIS'),
    verbs.map(([, { form }]) => `.B ${escape(form)}\n.br`).join('\n'),
    section('DESCRIPTION'),
    paragraph(
      'Runs a command in a fresh copy-on-write clone of a template, a dataset or directory with a Linux root, and throws the clone away afterwards. A pool of ready clones makes that instant; an engine sets how strongly the run is isolated.',
    ),
    verbs.map(([verb, { summary, more }]) => item(verb, more === undefined ? summary : `${summary}. ${more}`)).join('\n'),
    section('OPTIONS'),
    optionGroups
      .map(({ title, options: members }) =>
        [`.SS ${quote(title)}`, ...members.map((option) => item(formatOption(option).trim(), describeOption(option)))].join('\n'),
      )
      .join('\n'),
    section('ENGINES'),
    renderTable(engineRows(engines)),
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
    exitStatuses.map(([status, meaning]) => item(status, meaning)).join('\n'),
    paragraph('Of other verbs: 0 done, 1 failed, 2 usage.'),
    section('FILES'),
    [...files, ...settingsFiles].map(([path, meaning]) => item(path, meaning)).join('\n'),
    section('EXAMPLES'),
    verbs.flatMap(([, { examples }]) => examples.map(([line, meaning]) => item(line, meaning))).join('\n'),
    section('SEE ALSO'),
    '.BR bwrap (1),\n.BR lxc\\-execute (1),\n.BR chroot (1),\n.BR zfs (8)',
  ].join('\n')}\n`;
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
