import { loadConfig } from '../config/load.ts';
import { findTool } from '../host/tools.ts';
import { rightsOf } from '../host/rights.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { runCommand } from '../process/command.ts';
import { keyTemplate, runtimePaths, systemRuntimeDirectory } from '../pool/paths.ts';
import { readDirectory } from '../pool/read-directory.ts';
import { listDatasetNames, listMarkedDatasets } from './dataset/names.ts';
import { listDirectoryNames } from './directory/names.ts';
import type { TemplatePlace } from './places.ts';

/** The names of the templates in a store, as this process may see them; null: it may not look. */
export async function listNames(place: TemplatePlace): Promise<readonly string[] | null> {
  if (place.kind === 'directory') return listDirectoryNames(place.path);
  return await listDatasetNames(findZfs(), runCommand, place.dataset);
}

/** The datasets of templates that are known wherever they are: in the settings, by their pools, or because isolate made them. For root. */
export async function listKnownDatasets(): Promise<readonly string[]> {
  if (rightsOf(process.getuid?.() ?? 0) !== 'root') return [];
  const { templates } = await loadConfig();
  const pooled = readDirectory(runtimePaths(systemRuntimeDirectory).pools).flatMap((key) => keyTemplate(key) ?? []);
  return [...new Set([...templates.keys(), ...pooled, ...(await listMarkedDatasets(findZfs(), runCommand))])].toSorted();
}

function findZfs(): string | null {
  return findTool('zfs', rightsOf(process.getuid?.() ?? 0), callerEnvironment()['PATH']);
}
