import type { RunRequest } from '../spec/request.ts';
import { findTemplate, type ListNames } from './find.ts';
import type { TemplatePlaces } from './places.ts';

/**
 * The request with its template found: a dataset is cloned, and a directory is under a throw-away layer. Throws `bad-name`,
 * `template-missing`.
 */
export async function findRunTemplate(request: RunRequest, places: TemplatePlaces, list: ListNames): Promise<RunRequest> {
  const { clone, ...rest } = request;
  // Two roots are refused later.
  if (clone === undefined || rest.zfs !== undefined || rest.template !== undefined) return request;
  const found = await findTemplate(clone, places, list);
  return found.kind === 'dataset' ? { ...rest, zfs: found.dataset } : { ...rest, template: found.path, ephemeral: true };
}
