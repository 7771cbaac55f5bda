import type { CompleteRequest, RunRequest } from '../request.ts';
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
 * The request for an engine, with what the variables of its caller's environment say where it says nothing itself: those that
 * every engine heeds, and those of this engine's own. An empty variable counts as unset. Throws `usage`.
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
