import { type Config, configPath } from '../config.ts';
import { parseConfig } from '../load.ts';
import { type ConfigPlaces, readConfigFiles } from '../read-files.ts';
import type { Layer } from './run-settings.ts';

/** What the administrator's settings say about every user's runs. */
export interface HostDefaults {
  readonly layer: Layer;
  /** Where the host's templates are that have only a name; null: not set. */
  readonly store: string | null;
}

/** Reads them as far as this process may read the files. Throws `bad-config`. */
export async function readHostDefaults(places: ConfigPlaces = {}): Promise<HostDefaults> {
  return hostDefaults(await parseConfig(readConfigFiles({ ...places, onlyReadable: true })));
}

export function hostDefaults({ template, engine, store }: Pick<Config, 'template' | 'engine' | 'store'>): HostDefaults {
  const layer = {
    origin: configPath,
    ...(template === null ? {} : { template }),
    ...(engine === null ? {} : { engine }),
    presets: new Map(),
    aliases: new Map(),
  };
  return { layer, store };
}
