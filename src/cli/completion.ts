import { type Option, options, type ValueKind, verbs } from './options.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The completion script of a shell, made from the option table. After isolate's own options come commands. */
export function renderCompletion(shell: Shell, engineNames: readonly string[]): string {
  return { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell](engineNames);
}

const datasets = "zfs list -H -o name -t filesystem 2>/dev/null | grep -Ev '_[0-9]+$'";

function renderBash(engineNames: readonly string[]): string {
  const actions: Record<ValueKind, string> = {
    directory: 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$current"))',
    file: 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))',
    dataset: `COMPREPLY=($(compgen -W "$(${datasets})" -- "$current"))`,
    engine: `COMPREPLY=($(compgen -W "${engineNames.join(' ')}" -- "$current"))`,
    none: 'COMPREPLY=()',
  };
  const cases = options
    .filter((option) => option.value !== undefined)
    .map((option) => `    ${namesOf(option).join(' | ')}) ${actions[option.completes ?? 'none']}; return ;;`);
  const withValue = options
    .filter((option) => option.value !== undefined)
    .flatMap(namesOf)
    .join(' | ');
  return `# bash completion for isolate
_isolate() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
      ${withValue}) ((index++)) ;;
      --) _command_offset $((index + 1)); return ;;
      -*) ;;
      ${verbs.join(' | ')}) ((index == 1)) || { _command_offset $index; return; } ;;
      *) [[ \${COMP_WORDS[1]} == @(${verbs.filter((verb) => verb !== 'run').join('|')}) ]] || { _command_offset $index; return; } ;;
    esac
  done
  case $previous in
${cases.join('\n')}
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "${options.flatMap(namesOf).join(' ')}" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "${verbs.join(' ')}" -- "$current") $(compgen -c -- "$current")) ;;
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
  const specs = options.map((option) => {
    const names = namesOf(option);
    const spelled = names.length === 1 ? names[0] : `{${names.join(',')}}`;
    const exclusive = option.repeatable === true ? "'*'" : `'(${names.join(' ')})'`;
    const value = option.value === undefined ? '' : `:${plain(option.value)}:${actions[option.completes ?? 'none']}`;
    return `  ${exclusive}${spelled}${zshQuote(`[${plain(option.help).replaceAll(/[[\]]/g, '')}]${value}`)}`;
  });
  return `#compdef isolate
_arguments -S \\
${specs.join(' \\\n')} \\
  '1: :{_alternative "verbs:verb:(${verbs.join(' ')})" "commands:command:_command_names -e"}' \\
  '*:: :_normal'
`;
}

function renderFish(engineNames: readonly string[]): string {
  const actions: Record<ValueKind, string> = {
    directory: " -x -a '(__fish_complete_directories)'",
    file: ' -r',
    dataset: ` -x -a ${fishQuote(`(${datasets})`)}`,
    engine: ` -x -a '${engineNames.join(' ')}'`,
    none: ' -x',
  };
  const lines = options.map((option) => {
    const short = option.short === undefined ? '' : ` -s ${option.short}`;
    const value = option.value === undefined ? '' : actions[option.completes ?? 'none'];
    return `complete -c isolate${short} -l ${option.long}${value} -d ${fishQuote(option.help)}`;
  });
  return `# fish completion for isolate
complete -c isolate -f
complete -c isolate -n __fish_use_subcommand -a '${verbs.join(' ')}'
complete -c isolate -a '(__fish_complete_subcommand)'
${lines.join('\n')}
`;
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
