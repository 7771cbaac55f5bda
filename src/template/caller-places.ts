import { loadConfig } from '../config/load.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { workingDirectory } from '../run/working-directory.ts';
import { findPlaces, type TemplatePlaces } from './places.ts';

/** Where the templates of this process's caller are. Throws `bad-config`. */
export async function callerPlaces(): Promise<TemplatePlaces> {
  const { store } = await loadConfig();
  return findPlaces({ uid: process.getuid?.() ?? 0, environment: callerEnvironment(), workingDirectory: workingDirectory() ?? '/', store });
}
