import { findTool } from '../host/tools.ts';
import { rightsOf } from '../host/rights.ts';
import { callerEnvironment } from '../process/caller-environment.ts';
import { runCommand } from '../process/command.ts';
import { listDatasetNames } from './dataset/names.ts';
import { listDirectoryNames } from './directory/names.ts';
import type { TemplatePlace } from './places.ts';

/** The names of the templates in a store, as this process may see them; null: it may not look. */
export async function listNames(place: TemplatePlace): Promise<readonly string[] | null> {
  if (place.kind === 'directory') return listDirectoryNames(place.path);
  const zfs = findTool('zfs', rightsOf(process.getuid?.() ?? 0), callerEnvironment()['PATH']);
  return await listDatasetNames(zfs, runCommand, place.dataset);
}
