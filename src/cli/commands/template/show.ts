import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { type TemplateDescription, templates } from '../../../template/library.ts';
import { formatTime } from '../../format-time.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { formatBytes, templateDocument } from '../../render-template.ts';
import { formatTable } from '../../table.ts';
import { readWords } from './words.ts';

/** `isolate template show TEMPLATE`. */
export async function showTemplateVerb(parsed: ParsedArguments): Promise<number> {
  const [word = ''] = readWords(parsed, 1, 1, 'isolate template show TEMPLATE');
  const template = await templates.describe(word);
  if (parsed.flags.has('json')) print(`${toJson(templateDocument(template))}\n`);
  else print(`${formatTable(describe(template), ['left', 'left']).join('\n')}\n`);
  return 0;
}

function describe(template: TemplateDescription): readonly (readonly string[])[] {
  const { name, location, storage, createdMs, sizeBytes, snapshots, record, clones } = template;
  return [
    ['name', name],
    ['storage', storage],
    ['location', location],
    ['created', createdMs === null ? 'unknown' : formatTime(createdMs)],
    ['size', formatBytes(sizeBytes)],
    ['clones', `${clones.fresh} fresh, ${clones.leased} in use, ${clones.retired} to be destroyed`],
    ...(record instanceof IsolateError ? [['record', record.message]] : describeRecord(record)),
    ...snapshots.map((one, index) => [index === 0 ? 'snapshots' : '', `${one.label}  ${formatTime(one.createdMs)}`]),
  ];
}

function describeRecord(record: Exclude<TemplateDescription['record'], IsolateError>): readonly (readonly string[])[] {
  if (record === null) return [];
  const { entrypoint, command, environment = {}, workingDirectory, user } = record.defaults;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['source', record.source],
    ['digest', record.digest],
    ['entrypoint', entrypoint === undefined ? undefined : JSON.stringify(entrypoint)],
    ['command', command === undefined ? undefined : JSON.stringify(command)],
    ...Object.entries(environment).map(([variable, value], index) => [index === 0 ? 'environment' : '', `${variable}=${value}`] as const),
    ['directory', workingDirectory],
    ['user', user],
    ['not used', record.unused?.join(', ')],
  ];
  return rows.flatMap(([title, value]) => (value === undefined ? [] : [[title, value]]));
}
