import { constants } from 'node:os';
import { IsolateError } from '../../error.ts';
import { zfsError } from './classify.ts';
import { cloneName } from './names.ts';

/** What zfs(8) would have printed for the errors that a channel program passes on as numbers. */
const texts: ReadonlyMap<number, string> = new Map([
  [constants.errno.EEXIST, 'dataset already exists'],
  [constants.errno.ENOENT, 'dataset does not exist'],
  [constants.errno.ENOSPC, 'out of space'],
  [constants.errno.EDQUOT, 'out of space'],
  [constants.errno.EBUSY, 'dataset is busy'],
  [constants.errno.EACCES, 'encryption key not loaded'],
  [constants.errno.EPERM, 'permission denied'],
]);

/** The failures by id in the JSON that `zfs program -j` printed: `{"return": {"ID": ERRNO}}`, 0 for success. */
export function parseProgramAnswer(template: string, text: string): ReadonlyMap<string, IsolateError> {
  const failures = new Map<string, IsolateError>();
  for (const [id, errno] of Object.entries(readReturn(template, text))) {
    if (errno === 0) continue;
    const dataset = cloneName(template, id);
    failures.set(id, zfsError(dataset, texts.get(Number(errno)) ?? `error ${String(errno)} while it was cloned`));
  }
  return failures;
}

function readReturn(template: string, text: string): object {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null && 'return' in answer) {
      if (typeof answer.return === 'object' && answer.return !== null) return answer.return;
    }
  } catch {
    // What is no JSON is no answer either.
  }
  throw new IsolateError('storage-failed', `The channel program that clones ${template} gave no answer.`);
}
