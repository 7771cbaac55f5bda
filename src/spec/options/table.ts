import type { CompleteRequest, RunRequest } from '../request.ts';
import { hostOptions } from './host.ts';
import { limitOptions } from './limits.ts';
import { machineOptions } from './machine.ts';
import type { OptionGroup, RunOption } from './option.ts';
import { rootOptions } from './root.ts';
import { sandboxOptions } from './sandbox.ts';
import { sharingOptions } from './sharing.ts';

/** Every option that a request of a run can have, in the order in which help prints them and a spec is made. */
export const runOptionGroups: readonly OptionGroup<RunOption>[] = [
  rootOptions,
  sandboxOptions,
  sharingOptions,
  limitOptions,
  machineOptions,
  hostOptions,
];

export const runOptions: readonly RunOption[] = runOptionGroups.flatMap(({ options }) => options);

/**
 * The request for an engine, completed from the variables of the caller's environment: those for every engine and those for this one. An
 * empty variable counts as unset. Throws `usage`.
 */
export function completeRequest(
  request: RunRequest,
  environment: Readonly<Record<string, string | undefined>>,
  engine: { readonly name: string; readonly variables: readonly string[] },
): CompleteRequest {
  const said = runOptions.flatMap(({ key, variable }): (readonly [string, unknown])[] => {
    if (variable === undefined || request[key] !== undefined || (variable.ofEngine === true && !engine.variables.includes(variable.name)))
      return [];
    const text = environment[variable.name];
    return text === undefined || text === '' ? [] : [[key, variable.read(text)]];
  });
  return { ...request, ...(Object.fromEntries(said) as Partial<RunRequest>), engine: engine.name };
}
