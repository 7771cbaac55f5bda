import { realpathSync } from 'node:fs';

import { IsolateError } from '../error.ts';
import { type Check, ok, toFact } from '../host/survey/check.ts';
import { directoryStorages } from '../spec/root-ref.ts';
import { type ChoiceOptions, chooseStorage, isSubvolume } from '../storage/choose.ts';

const id = 'storage';

/** What would make throw-away clones of a directory; none if there is no such directory. Changes nothing. */
export async function surveyStorage(template: string, options: ChoiceOptions): Promise<readonly Check[]> {
  const path = findReal(template);
  if (path === null) return [];
  const attempt = async (storage?: (typeof directoryStorages)[number]): Promise<string | IsolateError> => {
    try {
      return await chooseStorage(path, storage, options);
    } catch (error) {
      if (error instanceof IsolateError) return error;
      throw error;
    }
  };
  const chosen = await attempt();
  if (typeof chosen !== 'string') return [{ id, state: 'missing', fact: toFact(chosen.message) }];
  const snapshots = isSubvolume(path) ? await attempt('btrfs') : null;
  if (snapshots instanceof IsolateError) {
    const { hint } = snapshots;
    return [{ id, state: 'limited', fact: toFact(snapshots.message), ...(hint === undefined ? {} : { hint }) }];
  }
  const others: string[] = [];
  for (const storage of directoryStorages) if (storage !== chosen && (await attempt(storage)) === storage) others.push(storage);
  const possible = others.length === 0 ? '' : `; --storage ${others.join(' and ')} can be used too`;
  return [ok(id, `throw-away clones of ${template} are made by ${chosen}${possible}`)];
}

/** Another check says what is wrong with it. */
function findReal(template: string): string | null {
  try {
    const path = realpathSync(template);
    isSubvolume(path);
    return path;
  } catch {
    return null;
  }
}
