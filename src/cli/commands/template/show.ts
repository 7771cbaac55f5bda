import { toJson } from '../../../json.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { findTemplate } from '../../../template/find.ts';
import { listNames } from '../../../template/list-names.ts';
import { templateName } from '../../../template/template-ref.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { readTemplateWord } from './words.ts';

/** `isolate template show TEMPLATE`. */
export async function showTemplateVerb(parsed: ParsedArguments): Promise<number> {
  const ref = await findTemplate(readTemplateWord(parsed, 'isolate template show TEMPLATE'), await callerPlaces(), listNames);
  const shown = { storage: ref.kind === 'dataset' ? 'zfs' : 'directory', location: templateName(ref) };
  print(parsed.flags.has('json') ? `${toJson(shown)}\n` : `storage   ${shown.storage}\nlocation  ${shown.location}\n`);
  return 0;
}
