import { parseLabel, timeLabel } from '../../../template/label.ts';
import { changeTemplate } from '../../../template/open-store.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { findGiven, tell } from './given.ts';
import { readWords } from './words.ts';

/** `isolate template snapshot TEMPLATE [LABEL]`. */
export async function snapshotVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', label] = readWords(parsed, 1, 2, 'isolate template snapshot TEMPLATE [LABEL]');
  const wanted = label === undefined ? null : parseLabel(label);
  const { ref, context } = await findGiven(word);
  const snapshot = await changeTemplate(ref, context, async (store) => {
    const taken = (await store.snapshots()).map((one) => one.label);
    return await store.snapshot(wanted ?? timeLabel(context.clock(), taken));
  });
  tell(parsed, { template: word, snapshot }, `${word}@${snapshot.label} keeps the present state`);
  return 0;
}
