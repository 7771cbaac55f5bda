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

/** The keys of the files that say so; null: not set. */
export type HostKeys = Pick<Config, 'template' | 'engine' | 'store'>;

/** Reads them as far as this process may. `isWhole`: it may read every file. Throws `bad-config`. */
export async function readHostDefaults(places: ConfigPlaces = {}): Promise<{ readonly defaults: HostDefaults; readonly isWhole: boolean }> {
  let isWhole = true;
  const files = readConfigFiles({
    ...places,
    onHidden: () => {
      isWhole = false;
    },
  });
  return { defaults: hostDefaults(await parseConfig(files)), isWhole };
}

export function hostDefaults({ template, engine, store }: HostKeys): HostDefaults {
  const layer = {
    origin: configPath,
    ...(template === null ? {} : { template }),
    ...(engine === null ? {} : { engine }),
    presets: new Map(),
    aliases: new Map(),
  };
  return { layer, store };
}
