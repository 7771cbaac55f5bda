import type { Filled } from '../../../template/fill/fill.ts';

/** What of a source did not become part of the template, one line each. */
export function describeFilled({ record, left }: Filled): readonly string[] {
  return [
    ...(left.devices > 0 ? [`left out: ${count(left.devices, 'device node')}; a run has the usual ones in /dev`] : []),
    ...(left.attributes > 0 ? [`left out: ${count(left.attributes, 'extended attribute or ACL', 'extended attributes or ACLs')}`] : []),
    ...(record.unused === undefined ? [] : [`not used: ${record.unused.join(', ')} of the image`]),
  ];
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
