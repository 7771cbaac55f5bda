import type { SandboxIds } from '../host/facts.ts';
import type { Config, TemplateConfig } from './config.ts';
import type { IdSettings, SettingFault, Settings, TemplateSettings } from './settings.ts';

/** Merges several files: key by key, the last one that has the key wins. */
export function mergeSettings(files: readonly Settings[]): Settings {
  const single = files.map(({ count, template, engine, store }) => dropUndefined({ count, template, engine, store }));
  return {
    ...(Object.assign({}, ...single) as Pick<Settings, 'count' | 'template' | 'engine' | 'store'>),
    templates: mergeMaps(files.map(({ templates }) => templates)),
    limits: Object.assign({}, ...files.map(({ limits }) => limits)) as Settings['limits'],
    userLimits: mergeMaps(files.map(({ userLimits }) => userLimits)),
    ids: Object.assign({}, ...files.map(({ ids }) => ids)) as IdSettings,
  };
}

const defaultLimits = { leases: 64, leasesPerMinute: 600, waiting: 32, sessions: 16 };
const defaultGroups = ['isolate'];

/** The settings with their defaults. `settings.ids` is valid. */
export function completeSettings(settings: Settings, files: readonly string[]): Config {
  return {
    count: settings.count ?? null,
    template: settings.template ?? null,
    engine: settings.engine ?? null,
    store: settings.store ?? null,
    templates: new Map([...settings.templates].map(([name, template]) => [name, completeTemplate(template)])),
    limits: { ...defaultLimits, ...settings.limits, users: settings.userLimits },
    ids: completeIds(settings.ids),
    files,
  };
}

/** The first number that is no longer an id (chown(2)). */
const noId = 0xffff_ffff;

/** What is wrong with the keys of `[ids]` together; null: nothing. */
export function findIdFault(ids: IdSettings): SettingFault | null {
  if (Object.keys(ids).length === 0) return null;
  const { uid_start: uidStart, gid_start: gidStart, count } = ids;
  if (uidStart === undefined || gidStart === undefined || count === undefined) {
    return { path: ['ids'], reason: 'must have uid_start, gid_start and count' };
  }
  const last = Object.entries({ uid_start: uidStart, gid_start: gidStart }).find(([, start]) => start + count > noId);
  if (last === undefined) return null;
  const [key, start] = last;
  return { path: ['ids', key], reason: `${count} ids from ${start} go past the last id, ${noId - 1}` };
}

function completeTemplate({ count, users, groups, engines }: TemplateSettings): TemplateConfig {
  return {
    count: count ?? null,
    users: users ?? [],
    groups: groups ?? (users === undefined ? defaultGroups : []),
    engines: engines ?? null,
  };
}

function completeIds({ uid_start: uidStart, gid_start: gidStart, count }: IdSettings): SandboxIds | null {
  if (uidStart === undefined || gidStart === undefined || count === undefined) return null;
  return { uids: { start: uidStart, count }, gids: { start: gidStart, count } };
}

function dropUndefined(record: object): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

function mergeMaps<Value extends object>(maps: readonly ReadonlyMap<string, Value>[]): ReadonlyMap<string, Value> {
  const merged = new Map<string, Value>();
  for (const [name, value] of maps.flatMap((map) => [...map])) merged.set(name, { ...merged.get(name), ...value });
  return merged;
}
