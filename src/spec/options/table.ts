import type { RunRequest } from '../request.ts';
import { hostOptions } from './host.ts';
import { limitOptions } from './limits.ts';
import type { OptionGroup, RunOption } from './option.ts';
import { rootOptions } from './root.ts';
import { sandboxOptions } from './sandbox.ts';
import { sharingOptions } from './sharing.ts';

/** Every option of a run that a request can have, in the order help prints them and a spec is made. */
export const runOptionGroups: readonly OptionGroup<RunOption>[] = [rootOptions, sandboxOptions, sharingOptions, limitOptions, hostOptions];

export const runOptions: readonly RunOption[] = runOptionGroups.flatMap(({ options }) => options);

/**
 * The request, completed by the variables of its caller's environment where it says nothing itself. `ofEngine` are those that
 * only some engines heed, this one too. An empty variable counts as unset. Throws `usage`.
 */
export function withVariables(
  request: RunRequest,
  environment: Readonly<Record<string, string | undefined>>,
  ofEngine: readonly string[],
): RunRequest {
  const said = runOptions.flatMap(({ key, variable }): (readonly [string, unknown])[] => {
    if (variable === undefined || request[key] !== undefined || (variable.ofEngine === true && !ofEngine.includes(variable.name)))
      return [];
    const text = environment[variable.name];
    return text === undefined || text === '' ? [] : [[key, variable.read(text)]];
  });
  return { ...request, ...(Object.fromEntries(said) as Partial<RunRequest>) };
}
