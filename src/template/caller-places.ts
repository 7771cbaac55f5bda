import { callerEnvironment } from '../process/caller-environment.ts';
import { findHostDefaults } from '../run/host-defaults.ts';
import { workingDirectory } from '../run/working-directory.ts';
import { findPlaces, type TemplatePlaces } from './places.ts';

/** Where the templates of this process's caller are. Throws `bad-config`. */
export async function callerPlaces(): Promise<TemplatePlaces> {
  return placesOfCaller((await findHostDefaults()).store);
}

/** The same with a known `store` of the settings. */
export function placesOfCaller(store: string | null): TemplatePlaces {
  return findPlaces({ uid: process.getuid?.() ?? 0, environment: callerEnvironment(), workingDirectory: workingDirectory() ?? '/', store });
}
