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
import type { Option } from './option.ts';
import { allVerbs, type Verb, verbs } from './verbs.ts';
import type { ValueKind } from '../spec/options/option.ts';

export function renderZsh(engineNames: readonly string[]): string {
  const actions: Record<ValueKind, string> = {
    directory: '_files -/',
    file: '_files',
    bind: '_files',
    assigned: '_files',
    dataset: `($(${datasets}))`,
    template: `($(${templates}; ${datasets}))`,
    session: `($(${sessions}))`,
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
    if (verb === ofLabels)
      return `${zshQuote(`3:template:($(${templates}))`)} ${zshQuote(`4:label:($(${labelsOf('$words[CURRENT-1]')}))`)}`;
    if (ofNames.includes(verb)) return zshQuote(`*:template:($(${templates}))`);
    if (verb === 'cp') return zshQuote(`*:path:{ compadd -S "" -- $(${guestPaths}); _files }`);
    if (verb === 'exec') return zshQuote(`1:run:($(${runs}; ${sessions}))`);
    if (verb === 'kill') return zshQuote(`*:run:($(${runs}))`);
    const [, seconds] = families.find(([first]) => first === verb) ?? [];
    if (seconds !== undefined) return `'2:verb:(${seconds.join(' ')})'`;
    return verb === 'completion' ? `'2:shell:(${shells.join(' ')})'` : verb === 'help' ? `'2:verb:(${verbs.join(' ')})'` : '';
  };
  const argumentsOf = (verb: Verb, ...rest: readonly string[]): string =>
    ['_arguments -S', ...optionsOf(verb).map(specOf), ...rest].filter((line) => line !== '').join(' \\\n    ');
  const familyOf = (first: Verb): string => {
    const [, seconds] = families.find(([name]) => name === first) ?? [];
    if (seconds === undefined) return '';
    const cases = allVerbs
      .filter((verb) => verb.startsWith(`${first} `))
      .map((verb) => {
        const second = verb.slice(first.length + 1);
        return `      ${second}) ${argumentsOf(verb, `'1: :(${first})'`, `'2: :(${second})'`, words(verb))}; return ;;`;
      });
    return `    case $words[3] in\n${cases.join('\n')}\n    esac\n`;
  };
  return `#compdef isolate
local preset=
if [[ $words[2] == @* ]] && ((CURRENT > 2)); then
  preset=$words[2]
  words[2]=()
  ((CURRENT--))
fi
case $words[2] in
${ownVerbs.map((verb) => `  ${verb})\n${familyOf(verb)}    ${argumentsOf(verb, `'1: :(${verb})'`, words(verb))} ;;`).join('\n')}
  *)
    ${argumentsOf('run', zshQuote(`1: :{if ((CURRENT == 2)) && [[ -z $preset ]]; then compadd ${verbs.join(' ')} $(${presets}; ${aliases}); else _command_names -e; fi}`), "'*:: :_normal'")} ;;
esac
`;
}

/** Colons separate the parts of what zsh's _arguments takes. */
function plain(text: string): string {
  return text.replaceAll(':', String.raw`\:`);
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
