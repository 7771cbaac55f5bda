import type { Option } from './option.ts';
import { options } from './options.ts';
import { subVerbs, type Verb, verbs, verbsBelow } from './verbs.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The user's templates. If there are none yet, the datasets that could become one: neither whole pools nor clones. */
export const datasets =
  `{ timeout 2 isolate list --json | grep -o '"template":"[^"]*"' | cut -d '"' -f 4 | grep . || ` +
  `timeout 2 zfs list -H -o name -t filesystem | grep / | grep -Ev '_[0-9]+$'; } 2>/dev/null | sort -u`;

/** The beginnings of the ids of runs, as `isolate ps` shows them. */
export const runs = `timeout 2 isolate ps --json 2>/dev/null | grep -oE '"runId":"[0-9a-f]{8}' | cut -d '"' -f 4`;

/** The names of the user's sessions. */
export const sessions = `timeout 2 isolate sessions --json 2>/dev/null | grep -o '"name":"[^"]*"' | cut -d '"' -f 4`;

/** Those and the runs, as they begin the paths of `cp`. */
export const guestPaths = `{ ${sessions}; ${runs}; } | sed 's/$/:/'`;

/** The presets of the user's settings, each with its `@`. */
export const presets = `timeout 2 isolate config show 2>/dev/null | grep -o '^@[^ ]*'`;
/** Its aliases. */
export const aliases = String.raw`timeout 2 isolate config show 2>/dev/null | sed -n 's/^\([A-Za-z0-9][^ ]*\)  *isolate .*/\1/p'`;

/** The names of the templates in the user's stores. */
export const templates = `timeout 5 isolate template list --json 2>/dev/null | grep -o '"name":"[^"]*"' | cut -d '"' -f 4`;

/** The labels of the snapshots of a template, whose name is a word of the shell. */
export function labelsOf(word: string): string {
  return `timeout 5 isolate template show --json -- ${word} 2>/dev/null | grep -o '"label":"[^"]*"' | cut -d '"' -f 4`;
}

/** The verb whose second argument is the label of a snapshot of the first. */
export const ofLabels = 'template rollback' satisfies Verb;
/** Verbs whose arguments are names of templates. */
export const ofNames: readonly Verb[] = verbsBelow('template').filter((verb) => !['template list'].includes(verb));
/** Verbs whose arguments are datasets. */
export const ofTemplates: readonly Verb[] = ['refresh', 'watch', 'status'];
export const ownVerbs = verbs.filter((verb) => verb !== 'run');
/** Verbs with verbs of their own, and these. */
export const families = Object.entries(subVerbs);

export function optionsOf(verb: Verb): readonly Option[] {
  return options.filter((option) => option.verbs.includes(verb));
}

export function namesOf(option: Option): string[] {
  return [...(option.short === undefined ? [] : [`-${option.short}`]), `--${option.long}`];
}
