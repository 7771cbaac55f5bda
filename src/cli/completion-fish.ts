import {
  aliases,
  datasets,
  families,
  labelsOf,
  ofLabels,
  ofNames,
  ofTemplates,
  presets,
  runs,
  guestPaths,
  sessions,
  shells,
  templates,
} from './completion-words.ts';
import { options } from './options.ts';
import { type Verb, verbs } from './verbs.ts';
import type { ValueKind } from '../spec/options/option.ts';

export function renderFish(engineNames: readonly string[]): string {
  const actions: Record<ValueKind, string> = {
    directory: " -x -a '(__fish_complete_directories)'",
    file: ' -r',
    bind: ' -r',
    assigned: ' -r',
    dataset: ` -x -a ${fishQuote(fishDatasets)}`,
    template: ` -r -a ${fishQuote(`(sh -c ${fishQuote(`${templates}; ${datasets}`)})`)}`,
    session: ` -x -a ${fishQuote(`(sh -c ${fishQuote(sessions)})`)}`,
    engine: ` -x -a '${engineNames.join(' ')}'`,
    none: ' -x',
  };
  const lines = options.map((option) => {
    const short = option.short === undefined ? '' : ` -s ${option.short}`;
    const value = option.value === undefined ? '' : actions[option.completes ?? 'none'];
    return `complete -c isolate -n ${fishQuote(fishCondition(option.verbs))}${short} -l ${option.long}${value} -d ${fishQuote(option.help)}`;
  });
  return `# fish completion for isolate
complete -c isolate -f
complete -c isolate -n __fish_use_subcommand -a '${verbs.join(' ')}'
complete -c isolate -n ${fishQuote(`not __fish_use_subcommand; and ${fishCondition(['run'])}`)} -a '(__fish_complete_subcommand)'
complete -c isolate -n __fish_use_subcommand -a ${fishQuote(`(sh -c ${fishQuote(`${presets}; ${aliases}`)})`)}
${families.map(([first, seconds]) => fishFamily(first, seconds)).join('\n')}
complete -c isolate -n ${fishQuote(fishCondition(ofNames))} -a ${fishQuote(`(sh -c ${fishQuote(templates)})`)}
complete -c isolate -n ${fishQuote(fishCondition([ofLabels]))} -a ${fishQuote(`(sh -c ${fishQuote(labelsOf('"$1"'))} sh (commandline -opc)[-1])`)}
complete -c isolate -n ${fishQuote(fishCondition(ofTemplates))} -a ${fishQuote(fishDatasets)}
complete -c isolate -n ${fishQuote(fishCondition(['cp']))} -F -a ${fishQuote(`(sh -c ${fishQuote(guestPaths)})`)}
complete -c isolate -n ${fishQuote(fishCondition(['kill']))} -a ${fishQuote(`(sh -c ${fishQuote(runs)})`)}
complete -c isolate -n ${fishQuote(fishCondition(['exec']))} -a ${fishQuote(`(sh -c ${fishQuote(`${runs}; ${sessions}`)})`)}
complete -c isolate -n ${fishQuote(fishCondition(['completion']))} -a '${shells.join(' ')}'
complete -c isolate -n ${fishQuote(fishCondition(['help']))} -a '${verbs.join(' ')}'
${lines.join('\n')}
`;
}

/** fish groups commands by other words. */
const fishDatasets = `(sh -c ${fishQuote(datasets)})`;

function fishFamily(first: string, seconds: readonly string[]): string {
  const condition = `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds.join(' ')}`;
  return `complete -c isolate -n ${fishQuote(condition)} -a '${seconds.join(' ')}'`;
}

/** Whether the line has one of these verbs; `run` need not be named. */
function fishCondition(some: readonly Verb[]): string {
  if (some.includes('run')) {
    const firsts = some.map((verb) => verb.split(' ', 1)[0]);
    const others = verbs.filter((verb) => !firsts.includes(verb));
    return others.length === 0 ? 'true' : `not __fish_seen_subcommand_from ${others.join(' ')}`;
  }
  const single = some.filter((verb) => !verb.includes(' '));
  const pairs = some.filter((verb) => verb.includes(' ')).map((verb) => fishPair(verb.split(' ')));
  return [...(single.length === 0 ? [] : [`__fish_seen_subcommand_from ${single.join(' ')}`]), ...pairs].join('; or ');
}

function fishPair([first, second]: readonly string[]): string {
  return `begin; __fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}; end`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
