import type { SandboxIds } from '../host/facts.ts';
import { parseConfig } from './load.ts';
import { type ConfigPlaces, readConfigFiles } from './read-files.ts';

/**
 * The ids that the settings give root's sandboxes; null if they give none. The parsers are loaded only for files that may contain ids,
 * because every run by root asks. Throws `bad-config`.
 */
export async function readSandboxIds(places: ConfigPlaces = {}): Promise<SandboxIds | null> {
  const files = readConfigFiles(places);
  // With a backslash any key can be spelled differently.
  if (!files.some(({ text }) => text.includes('ids') || text.includes('\\'))) return null;
  return (await parseConfig(files)).ids;
}
