import { IsolateError } from '../error.ts';
import { rootName } from './root-ref.ts';
import type { CommandWords, SandboxSpec, WantedSpec } from './spec.ts';
import { defaultCommand, type TemplateDefaults } from './template-record.ts';

/**
 * The complete spec of a run on a template with these defaults; null: nobody can know them yet. What was given counts, then what the
 * template says, then what isolate would do by itself. Throws `usage` if there is no command, and `bad-template`.
 */
export function completeSpec(wanted: WantedSpec, defaults: TemplateDefaults | null): SandboxSpec {
  const { command, environment, variables, workingDirectory, user, ...firm } = wanted;
  const chosenUser = user ?? defaults?.user;
  const templates = without(defaults?.environment ?? {}, environment);
  return {
    ...firm,
    command: command ?? commandOf(wanted, defaults),
    environment: { ...without(chosenUser === undefined ? variables : withoutUser(variables), templates), ...environment },
    ...(Object.keys(templates).length === 0 ? {} : { templateEnvironment: templates }),
    workingDirectory: workingDirectory ?? defaults?.workingDirectory ?? '/',
    ...(chosenUser === undefined ? {} : { user: chosenUser }),
  };
}

function commandOf({ root }: WantedSpec, defaults: TemplateDefaults | null): CommandWords {
  const name = rootName(root);
  const command = defaultCommand(defaults ?? {}, name);
  if (command !== null) return command;
  const why = defaults === null ? `what ${name} runs by itself is known only when it runs` : `${name} has none of its own`;
  throw new IsolateError('usage', `No command was given, and ${why}.`, {
    hint: `isolate ${root.kind === 'volume' ? '-z DATASET' : '-t DIR'} COMMAND [ARG...]`,
  });
}

type Variables = Readonly<Record<string, string>>;

function without(variables: Variables, others: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !Object.hasOwn(others, name)));
}

/** Another user's are set where the user is looked up: in the sandbox. */
function withoutUser({ HOME: _home, USER: _user, LOGNAME: _logname, ...variables }: Variables): Variables {
  return variables;
}
