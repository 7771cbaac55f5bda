import { toJson } from '../../../json.ts';
import { callerPlaces } from '../../../template/caller-places.ts';
import { listTemplates } from '../../../template/list-templates.ts';
import { templateName } from '../../../template/template-ref.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { formatTable } from '../../table.ts';
import { refuseWords } from '../refuse-words.ts';

/** `isolate template list`: the templates in the caller's stores. */
export async function listTemplatesVerb(parsed: ParsedArguments): Promise<number> {
  refuseWords(parsed, 'isolate template list [OPTIONS]');
  const templates = (await listTemplates(await callerPlaces())).map(({ name, ref }) => ({
    name,
    storage: ref.kind === 'dataset' ? 'zfs' : 'directory',
    location: templateName(ref),
  }));
  if (parsed.flags.has('json')) {
    print(`${toJson({ templates })}\n`);
    return 0;
  }
  const rows = templates.map(({ name, storage, location }) => [name, storage, location]);
  print(`${formatTable([['NAME', 'STORAGE', 'LOCATION'], ...rows], ['left', 'left', 'left']).join('\n')}\n`);
  return 0;
}
