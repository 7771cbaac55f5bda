import { loadConfig } from '../config/load.ts';
import { IsolateError } from '../error.ts';
import { type Check, ok } from '../host/survey/check.ts';
import { checkRunSettings, stateWords } from './check-settings.ts';

/** Whether the settings of runs in this directory are valid, the caller's own and the project's. */
export async function surveyRunSettings(): Promise<Check> {
  const id = 'run-settings';
  const files = await checkRunSettings();
  const wrong = files.find(({ state }) => state === 'invalid');
  if (wrong !== undefined) {
    return {
      id,
      state: 'limited',
      fact: (wrong.message ?? wrong.file).replace(/\.$/, ''),
      hint: 'isolate config check names every mistake',
    };
  }
  const there = files.filter(({ state }) => state !== 'missing');
  return ok(
    id,
    there.length === 0 ? 'there are none of yours' : there.map(({ file, state }) => `${file}: ${stateWords[state]}`).join(', '),
  );
}

/** Whether the administrator's settings are valid. A mistake in them is a finding, not a failure. */
export async function surveySettings(): Promise<Check> {
  const id = 'settings';
  try {
    const { files } = await loadConfig();
    return ok(id, files.length === 0 ? 'there are none, so the defaults apply' : `${files.join(', ')}: valid`);
  } catch (error) {
    if (!(error instanceof IsolateError) || error.code !== 'bad-config') throw error;
    const fact = error.message.replace(/\.$/, '');
    // The administrator may hide them from other users.
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'EACCES') return ok(id, `${fact} by you, which does no harm`);
    return { id, state: 'limited', fact, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
}
