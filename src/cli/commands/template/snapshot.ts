import { findGiven } from '../../../template/given.ts';
import { templates } from '../../../template/library.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { withStopSignals } from '../../stop-signals.ts';
import { tell } from './tell.ts';
import { tellOldClones } from './voice.ts';
import { readWords } from './words.ts';

/** `isolate template snapshot TEMPLATE [LABEL]`. */
export async function snapshotVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', label] = readWords(parsed, 1, 2, 'isolate template snapshot TEMPLATE [LABEL]');
  const snapshot = await withStopSignals((signal) => templates.snapshot(word, label, { signal }));
  tell(parsed, { template: word, snapshot }, `${word}@${snapshot.label} keeps the present state`);
  await tellOldClones(parsed, await findGiven(word));
  return 0;
}
