import { workingDirectory } from '../run/working-directory.ts';
import { parseHostPath } from '../spec/parse-path.ts';
import type { FindTemplate } from './settle-run.ts';

/** For this process's own caller. */
export const findOwnTemplate: FindTemplate = async (request, { store }) => {
  const { clone, session } = request;
  if (session !== undefined) return (await import('../run/find-session.ts')).rootOfSession(request, session);
  if (clone === undefined) return request;
  // Without a working directory there is nothing that a path could be relative to.
  if (clone.startsWith('.')) parseHostPath('usage', 'The template directory', clone, workingDirectory());
  const [{ placesOfCaller }, { findRunTemplate }, { listNames }] = await Promise.all([
    import('../template/caller-places.ts'),
    import('../template/find-run-template.ts'),
    import('../template/list-names.ts'),
  ]);
  return await findRunTemplate(request, placesOfCaller(store), listNames);
};
