import {
  aliases,
  datasets,
  families,
  labelsOf,
  namesOf,
  ofLabels,
  ofNames,
  ofTemplates,
  optionsOf,
  ownVerbs,
  presets,
  runs,
  guestPaths,
  sessions,
  shells,
  templates,
} from './completion-words.ts';
import { options } from './options.ts';
import { allVerbs, type Verb, verbs } from './verbs.ts';
import type { ValueKind } from '../spec/options/option.ts';

function bashActions(engineNames: readonly string[]): Readonly<Record<ValueKind, string>> {
  return {
    directory: 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$current"))',
    file: 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))',
    bind: 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))',
    assigned: 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))',
    dataset: `COMPREPLY=($(compgen -W "$(${datasets})" -- "$current"))`,
    template:
      `if [[ $current == [/.~]* ]]; then compopt -o filenames; COMPREPLY=($(compgen -d -- "$current")); ` +
      `else COMPREPLY=($(compgen -W "$(${templates}; ${datasets})" -- "$current")); fi`,
    session: `COMPREPLY=($(compgen -W "$(${sessions})" -- "$current"))`,
    engine: `COMPREPLY=($(compgen -W "${engineNames.join(' ')}" -- "$current"))`,
    none: 'COMPREPLY=()',
  };
}

export function renderBash(engineNames: readonly string[]): string {
  const actions = bashActions(engineNames);
  const cases = options
    .filter((option) => option.value !== undefined)
    .map((option) => `    ${namesOf(option).join(' | ')}) ${actions[option.completes ?? 'none']}; return ;;`);
  const withValue = options
    .filter((option) => option.value !== undefined)
    .flatMap(namesOf)
    .join(' | ');
  const byVerb = allVerbs.map((verb) => `    ${bashPattern(verb)}) options='${optionsOf(verb).flatMap(namesOf).join(' ')}' ;;`);
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
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} index first=1 options verb=run
  # bash takes the = of --option=value for a word of its own.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]] && ((COMP_CWORD > 2)); then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD > 1)) && [[ \${COMP_WORDS[1]} == @(${ownVerbs.join('|')}) ]]; then
    verb=\${COMP_WORDS[1]}
  fi
${families.map(([first, seconds]) => bashFamily(first, seconds)).join('\n')}
${bashPresets}
  for ((index = first; index < COMP_CWORD; index++)); do
    case \${COMP_WORDS[index]} in
      ${withValue})
        ((index++))
        [[ \${COMP_WORDS[index]} != = ]] || ((index++))
        ;;
      --) _isolate_command $((index + 1)); return ;;
      -*) ;;
      *) [[ $verb != run || $index:\${COMP_WORDS[index]} == 1:run ]] || { _isolate_command $index; return; } ;;
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
${families.map(([first, seconds]) => `    ${first}:*) COMPREPLY=($(compgen -W '${seconds.join(' ')}' -- "$current")) ;;`).join('\n')}
${bashLabels}
    ${ofNames.map((verb) => `${bashPattern(verb)}:*`).join(' | ')}) COMPREPLY=($(compgen -W "$(${templates})" -- "$current")) ;;
    ${ofTemplates.map((verb) => `${verb}:*`).join(' | ')}) ${actions.dataset} ;;
    completion:*) COMPREPLY=($(compgen -W '${shells.join(' ')}' -- "$current")) ;;
    help:*) COMPREPLY=($(compgen -W '${verbs.join(' ')}' -- "$current")) ;;
${bashGuests}
    run:*)
      if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "${verbs.join(' ')} $(${aliases})" -- "$current"))
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

/** Completes the name of a preset, or goes on after it. */
const bashPresets = `  # bash takes the @ of a preset for a word of its own, too.
  case \${COMP_WORDS[1]}:$COMP_CWORD in
    @*:1) COMPREPLY=($(compgen -W "$(${presets})" -- "$current")); return ;;
    @:2) COMPREPLY=($(compgen -W "$(${presets} | cut -c 2-)" -- "$current")); return ;;
    @:*) first=3 ;;
    @*) first=2 ;;
  esac`;

/** Cases for the verbs with a run or session. */
const bashGuests = `    cp:*) compopt -o filenames -o nospace; COMPREPLY=($(compgen -W "$(${guestPaths})" -- "$current") $(compgen -f -- "$current")) ;;
    exec:*) COMPREPLY=($(compgen -W "$(${runs}; ${sessions})" -- "$current")) ;;
    kill:*) COMPREPLY=($(compgen -W "$(${runs})" -- "$current")) ;;`;

/** A case for the verb with a template and one of its snapshots. */
const bashLabels = `    ${bashPattern(ofLabels)}:*)
      if [[ $previous == @(rollback|-*) ]]; then
        COMPREPLY=($(compgen -W "$(${templates})" -- "$current"))
      else
        COMPREPLY=($(compgen -W "$(${labelsOf('"$previous"')})" -- "$current"))
      fi
      ;;`;

/** A verb as a pattern of case. */
function bashPattern(verb: Verb): string {
  return verb.replace(' ', String.raw`\ `);
}

/** Takes the second word for a part of the verb. */
function bashFamily(first: string, seconds: readonly string[]): string {
  return `  if ((COMP_CWORD > 2)) && [[ $verb == ${first} && \${COMP_WORDS[2]} == @(${seconds.join('|')}) ]]; then
    verb="${first} \${COMP_WORDS[2]}"
  fi`;
}
