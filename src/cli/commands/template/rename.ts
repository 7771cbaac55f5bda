import { dirname } from 'node:path';
import { newTemplate } from '../../../template/find.ts';
import { changeTemplate } from '../../../template/open-store.ts';
import { templateName, type TemplateRef } from '../../../template/template-ref.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { findGiven, tell } from './given.ts';
import { readWords } from './words.ts';

/** `isolate template rename TEMPLATE NEW`. A new name without a place means one beside the template. */
export async function renameVerb(parsed: ParsedArguments): Promise<number> {
  const [word = '', wanted = ''] = readWords(parsed, 2, 2, 'isolate template rename TEMPLATE NEW');
  const { ref, context, places } = await findGiven(word);
  const to = newTemplate(wanted, { ...places, own: besides(ref) });
  await changeTemplate(ref, context, (store) => store.rename(to));
  tell(parsed, { template: word, renamed: templateName(to) }, `${word} is ${wanted} now`);
  return 0;
}

function besides(ref: TemplateRef) {
  if (ref.kind === 'directory') return { kind: 'directory', path: dirname(ref.path) } as const;
  return { kind: 'dataset', dataset: ref.dataset.slice(0, ref.dataset.lastIndexOf('/')) } as const;
}
