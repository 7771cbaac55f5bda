import { IsolateError } from '../../../error.ts';
import { toJson } from '../../../json.ts';
import { openStore } from '../../../template/open-store.ts';
import type { TemplateInfo } from '../../../template/store.ts';
import { templateName } from '../../../template/template-ref.ts';
import { formatTime } from '../../format-time.ts';
import { print } from '../../output.ts';
import type { ParsedArguments } from '../../parsed-arguments.ts';
import { formatBytes, templateDocument } from '../../render-template.ts';
import { formatTable } from '../../table.ts';
import { findGiven } from './given.ts';
import { readWords } from './words.ts';

/** `isolate template show TEMPLATE`. */
export async function showTemplateVerb(parsed: ParsedArguments): Promise<number> {
  const [word = ''] = readWords(parsed, 1, 1, 'isolate template show TEMPLATE');
  const { ref, context } = await findGiven(word);
  const info = await openStore(ref, context).describe();
  if (info === null) throw new IsolateError('template-missing', `There is no template ${word}.`);
  if (parsed.flags.has('json')) print(`${toJson(templateDocument(word, info))}\n`);
  else print(`${formatTable(describe(word, info), ['left', 'left']).join('\n')}\n`);
  return 0;
}

function describe(name: string, info: TemplateInfo): readonly (readonly string[])[] {
  const { record, clones } = info;
  return [
    ['name', name],
    ['storage', info.storage],
    ['location', templateName(info.ref)],
    ['created', info.createdMs === null ? 'unknown' : formatTime(info.createdMs)],
    ['size', formatBytes(info.sizeBytes)],
    ['clones', `${clones.fresh} fresh, ${clones.leased} in use, ${clones.retired} to be destroyed`],
    ...(record instanceof IsolateError ? [['record', record.message]] : describeRecord(record)),
    ...info.snapshots.map(({ label, createdMs }, index) => [index === 0 ? 'snapshots' : '', `${label}  ${formatTime(createdMs)}`]),
  ];
}

function describeRecord(record: Exclude<TemplateInfo['record'], IsolateError>): readonly (readonly string[])[] {
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
