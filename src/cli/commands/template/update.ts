import { toJson } from '../../../json.ts';
import { changeTemplate } from '../../../template/open-store.ts';
import { updateTemplate } from '../../../template/update.ts';
import { write } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { renderDifference } from '../../render-difference.ts';
import { withStopSignals } from '../../stop-signals.ts';
import { findGiven } from '../../../template/given.ts';
import { tellOldClones, tellWarning } from './voice.ts';
import { readWords } from './words.ts';

/** `isolate template update TEMPLATE`. Standard output is that of the distribution's own programs. */
export async function updateVerb(parsed: ParsedArguments): Promise<number> {
  const [word = ''] = readWords(parsed, 1, 1, 'isolate template update TEMPLATE');
  const { ref, context } = await findGiven(word);
  const { difference, snapshot } = await withStopSignals((signal) =>
    changeTemplate(ref, context, (store) => updateTemplate(store, context, { name: word, signal, onEvent: tellWarning })),
  );
  const { flags } = parsed;
  if (flags.has('json')) {
    write(2, `${toJson({ template: word, ...difference, snapshot })}\n`);
  } else if (!flags.has('quiet')) {
    write(2, snapshot === null ? `isolate: ${word} is up to date\n` : renderDifference(word, difference));
    if (snapshot !== null) write(2, `isolate: ${word}@${snapshot.label} keeps the new state\n`);
  }
  if (snapshot !== null) await tellOldClones(parsed, { ref, context });
  return 0;
}
