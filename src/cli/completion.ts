import type { ValueKind } from '../spec/options/option.ts';
import { type Option, options, type Verb, verbs } from './options.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The completion script of a shell, made from the option table. After isolate's own options it offers commands. */
export function renderCompletion(shell: Shell, engineNames: readonly string[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell](engineNames);
}

/** The user's templates. If there are none yet, the datasets that could become one: neither whole pools nor clones. */
const datasets =
  `{ timeout 2 isolate list --json | grep -o '"template":"[^"]*"' | cut -d '"' -f 4 | grep . || ` +
  `timeout 2 zfs list -H -o name -t filesystem | grep / | grep -Ev '_[0-9]+$'; } 2>/dev/null | sort -u`;

/** The beginnings of the ids of runs, as `isolate ps` shows them. */
const runs = `timeout 2 isolate ps --json 2>/dev/null | grep -oE '"runId":"[0-9a-f]{8}' | cut -d '"' -f 4`;

/** Verbs whose arguments are templates. */
const ofTemplates: readonly Verb[] = ['refresh', 'watch', 'status'];
const ownVerbs = verbs.filter((verb) => verb !== 'run');

function bashActions(engineNames: readonly string[]): Readonly<Record<ValueKind, string>> {
  return {
    directory: 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$current"))',
    file: 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))',
    dataset: `COMPREPLY=($(compgen -W "$(${datasets})" -- "$current"))`,
    engine: `COMPREPLY=($(compgen -W "${engineNames.join(' ')}" -- "$current"))`,
    none: 'COMPREPLY=()',
  };
}

function renderBash(engineNames: readonly string[]): string {
  const actions = bashActions(engineNames);
  const cases = options
    .filter((option) => option.value !== undefined)
    .map((option) => `    ${namesOf(option).join(' | ')}) ${actions[option.completes ?? 'none']}; return ;;`);
  const withValue = options
    .filter((option) => option.value !== undefined)
    .flatMap(namesOf)
    .join(' | ');
  const byVerb = verbs.map((verb) => `    ${verb}) options='${optionsOf(verb).flatMap(namesOf).join(' ')}' ;;`);
  return `# bash completion for isolate
_isolate_programs() {
  COMPREPLY=($(compgen -c -- "$current" | grep -vxF "$(compgen -k; compgen -A function; compgen -a)" | sort -u))
}

# Words from the given one on are a command, whose own completion the package bash-completion finds. Without it they are files.
_isolate_command() {
  if declare -F _command_offset > /dev/null; then
    _command_offset $1
  elif ((COMP_CWORD == $1)) && [[ $current != */* ]]; then
    _isolate_programs
  else
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}

_isolate() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} index options verb=run
  # bash takes the = of --option=value for a word of its own.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]] && ((COMP_CWORD > 2)); then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD > 1)) && [[ \${COMP_WORDS[1]} == @(${ownVerbs.join('|')}) ]]; then
    verb=\${COMP_WORDS[1]}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
      ${withValue})
        ((index++))
        [[ \${COMP_WORDS[index]} != = ]] || ((index++))
        ;;
      --) _isolate_command $((index + 1)); return ;;
      -*) ;;
      ${verbs.join(' | ')}) ((index == 1)) || { _isolate_command $index; return; } ;;
      *) [[ $verb != run ]] || { _isolate_command $index; return; } ;;
    esac
  done
  case $previous in
${cases.join('\n')}
  esac
  case $verb in
${byVerb.join('\n')}
  esac
  case $verb:$current in
    *:-*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    ${ofTemplates.map((verb) => `${verb}:*`).join(' | ')}) ${actions.dataset} ;;
    completion:*) COMPREPLY=($(compgen -W '${shells.join(' ')}' -- "$current")) ;;
    help:*) COMPREPLY=($(compgen -W '${verbs.join(' ')}' -- "$current")) ;;
    kill:*) COMPREPLY=($(compgen -W "$(${runs})" -- "$current")) ;;
    run:*)
      if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W '${verbs.join(' ')}' -- "$current"))
      else
        _isolate_programs
      fi
      ;;
    *) COMPREPLY=() ;;
  esac
}
complete -F _isolate isolate
`;
}

function renderZsh(engineNames: readonly string[]): string {
  const actions: Record<ValueKind, string> = {
    directory: '_files -/',
    file: '_files',
    dataset: `($(${datasets}))`,
    engine: `(${engineNames.join(' ')})`,
    none: ' ',
  };
  const specOf = (option: Option): string => {
    const names = namesOf(option);
    const spelled = names.length === 1 ? names[0] : `{${names.join(',')}}`;
    const exclusive = option.repeatable === true ? "'*'" : `'(${names.join(' ')})'`;
    const value = option.value === undefined ? '' : `:${plain(option.value)}:${actions[option.completes ?? 'none']}`;
    return `${exclusive}${spelled}${zshQuote(`[${plain(option.help).replaceAll(/[[\]]/g, '')}]${value}`)}`;
  };
  const words = (verb: Verb): string => {
    if (ofTemplates.includes(verb)) return zshQuote(`*:template:${actions.dataset}`);
    if (verb === 'kill') return zshQuote(`*:run:($(${runs}))`);
    return verb === 'completion' ? `'2:shell:(${shells.join(' ')})'` : verb === 'help' ? `'2:verb:(${verbs.join(' ')})'` : '';
  };
  const argumentsOf = (verb: Verb, ...rest: readonly string[]): string =>
    ['_arguments -S', ...optionsOf(verb).map(specOf), ...rest].filter((line) => line !== '').join(' \\\n    ');
  return `#compdef isolate
case $words[2] in
${ownVerbs.map((verb) => `  ${verb})\n    ${argumentsOf(verb, `'1: :(${verb})'`, words(verb))} ;;`).join('\n')}
  *)
    ${argumentsOf('run', `'1: :{if ((CURRENT == 2)); then compadd ${verbs.join(' ')}; else _command_names -e; fi}'`, "'*:: :_normal'")} ;;
esac
`;
}

function renderFish(engineNames: readonly string[]): string {
  const actions: Record<ValueKind, string> = {
    directory: " -x -a '(__fish_complete_directories)'",
    file: ' -r',
    dataset: ` -x -a ${fishQuote(fishDatasets)}`,
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
complete -c isolate -n ${fishQuote(fishCondition(ofTemplates))} -a ${fishQuote(fishDatasets)}
complete -c isolate -n ${fishQuote(fishCondition(['kill']))} -a ${fishQuote(`(sh -c ${fishQuote(runs)})`)}
complete -c isolate -n ${fishQuote(fishCondition(['completion']))} -a '${shells.join(' ')}'
complete -c isolate -n ${fishQuote(fishCondition(['help']))} -a '${verbs.join(' ')}'
${lines.join('\n')}
`;
}

/** fish groups commands by other words. */
const fishDatasets = `(sh -c ${fishQuote(datasets)})`;

/** Whether the line has one of these verbs; `run` need not be named. */
function fishCondition(some: readonly Verb[]): string {
  const others = verbs.filter((verb) => !some.includes(verb));
  if (!some.includes('run')) return `__fish_seen_subcommand_from ${some.join(' ')}`;
  return others.length === 0 ? 'true' : `not __fish_seen_subcommand_from ${others.join(' ')}`;
}

function optionsOf(verb: Verb): readonly Option[] {
  return options.filter((option) => option.verbs.includes(verb));
}

function namesOf(option: Option): string[] {
  return [...(option.short === undefined ? [] : [`-${option.short}`]), `--${option.long}`];
}

/** Colons separate the parts of what zsh's _arguments takes. */
function plain(text: string): string {
  return text.replaceAll(':', String.raw`\:`);
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
