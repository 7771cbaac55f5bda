import { loadConfig } from '../config/load.ts';
import { IsolateError } from '../error.ts';
import { type Check, ok } from '../host/survey/check.ts';

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
