import { IsolateError } from '../error.ts';
import type { TemplateDescription } from '../template/library.ts';
import { formatAge } from './format-time.ts';

/** What `list` and `show` print of a template as JSON. */
export function templateDocument({ record, ...rest }: TemplateDescription): object {
  return {
    ...rest,
    record: record instanceof IsolateError ? null : record,
    ...(record instanceof IsolateError ? { problem: record.message } : {}),
  };
}

/** `1.4G`, in powers of 1024. */
export function formatBytes(bytes: number): string {
  let size = bytes;
  for (const unit of ['B', 'K', 'M', 'G']) {
    if (size < 1024) return `${size < 10 && unit !== 'B' ? size.toFixed(1) : Math.round(size)}${unit}`;
    size /= 1024;
  }
  return `${size.toFixed(1)}T`;
}

/** A clause on what a run without a command does on it; `-`: nothing was set. */
export function describeDefaults({ record }: TemplateDescription): string {
  if (record === null) return '-';
  if (record instanceof IsolateError) return 'unusable';
  const { entrypoint = [], command = [], user, workingDirectory, environment = {} } = record.defaults;
  const parts = [
    ...(entrypoint.length + command.length === 0 ? [] : [[...entrypoint, ...command].join(' ')]),
    ...(user === undefined ? [] : [`user ${user}`]),
    ...(workingDirectory === undefined ? [] : [`in ${workingDirectory}`]),
    ...(Object.keys(environment).length === 0 ? [] : [`${Object.keys(environment).length} variables`]),
  ];
  return parts.length === 0 ? '-' : parts.join(', ');
}

/** The row of a template in `list`. */
export function templateRow(template: TemplateDescription, nowMs: number): readonly string[] {
  const { name, storage, snapshots, sizeBytes, createdMs, clones } = template;
  return [
    name,
    storage,
    snapshots.at(-1)?.label ?? '-',
    formatBytes(sizeBytes),
    createdMs === null ? '-' : formatAge(nowMs - createdMs),
    `${clones.fresh}/${clones.leased}`,
    describeDefaults(template),
  ];
}
