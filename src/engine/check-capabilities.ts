import { isAsked } from '../spec/options/option.ts';
import { runOptions } from '../spec/options/table.ts';
import type { RunRequest } from '../spec/request.ts';
import type { Engine, Problem } from './engine.ts';

/** Every option of `request` that `engine` does not support, each with the names of those in `engines` that do. */
export function checkCapabilities(request: RunRequest, engine: Engine, engines: readonly Engine[]): readonly Problem[] {
  return runOptions.flatMap((option): Problem[] => {
    const { feature, short, long } = option;
    if (feature === undefined || !isAsked(option, request) || engine.capabilities.features.includes(feature)) return [];
    const names = engines.filter(({ capabilities }) => capabilities.features.includes(feature)).map(({ name }) => name);
    const others = names.length === 0 ? 'no engine does' : `${names.join(' and ')} ${names.length === 1 ? 'does' : 'do'}`;
    const shown = short === undefined ? `--${long}` : `-${short}`;
    return [{ code: 'unsupported-option', message: `The engine ${engine.name} does not support ${shown}; ${others}.` }];
  });
}
