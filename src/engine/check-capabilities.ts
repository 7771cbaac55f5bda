import { isAsked } from '../spec/options/option.ts';
import { runOptions } from '../spec/options/table.ts';
import type { Feature } from '../spec/features.ts';
import type { RunRequest } from '../spec/request.ts';
import type { Bind } from '../spec/spec.ts';
import type { Engine, Problem } from './engine.ts';

/** Every option of `request` that `engine` does not support, each with the names of those in `engines` that do. */
export function checkCapabilities(request: RunRequest, engine: Engine, engines: readonly Engine[]): readonly Problem[] {
  return runOptions.flatMap((option): readonly Problem[] => {
    const { feature, short, long } = option;
    if (feature === undefined || !isAsked(option, request)) return [];
    return checkFeature(feature, short === undefined ? `--${long}` : `-${short}`, engine, engines);
  });
}

/** The same for what binds show. */
export function checkSources(binds: readonly Bind[], engine: Engine, engines: readonly Engine[]): readonly Problem[] {
  return binds.flatMap(({ source }): readonly Problem[] => {
    if (typeof source === 'string' || 'memoryBytes' in source) return [];
    const [type, feature] = 'image' in source ? (['host-image', 'disks'] as const) : (['guest-bind', 'guest-bind'] as const);
    return checkFeature(feature, `--mount ${type}`, engine, engines);
  });
}

function checkFeature(feature: Feature, shown: string, engine: Engine, engines: readonly Engine[]): readonly Problem[] {
  if (engine.capabilities.features.includes(feature)) return [];
  const names = engines.filter(({ capabilities }) => capabilities.features.includes(feature)).map(({ name }) => name);
  const others = names.length === 0 ? 'no engine does' : `${names.join(' and ')} ${names.length === 1 ? 'does' : 'do'}`;
  return [{ code: 'unsupported-option', message: `The engine ${engine.name} does not support ${shown}; ${others}.` }];
}
