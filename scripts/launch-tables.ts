import type { Field, Fields } from '../src/launch/fields.ts';
import { type KindRule, names, operations } from '../src/launch/operations.ts';
import { wrap } from '../src/cli/wrap.ts';
import { events, type ItemRule, items, lists } from '../src/launch/schema.ts';
import { steps } from '../src/launch/steps.ts';

/** RECORD.md with each table put between its marks: a comment with its name, and one that ends it. */
export function fillLaunchTables(document: string): string {
  return Object.entries(renderLaunchTables()).reduce((text, [name, rendered]) => {
    const begin = `<!-- ${name}: written by scripts/build-schema.ts -->\n`;
    const [before, rest] = text.split(begin);
    const after = rest?.slice(rest.indexOf('<!-- end -->'));
    if (after === undefined) throw new Error(`launcher/RECORD.md has no mark for the table of ${name}.`);
    return `${before}${begin}\n${rendered}\n\n${after}`;
  }, document);
}

/** The tables by the name of their mark. */
function renderLaunchTables(): Readonly<Record<string, string>> {
  return {
    items: table(
      ['tag', 'name', 'fields', 'how often', 'meaning'],
      Object.entries(items as Readonly<Record<string, ItemRule>>).map(([name, { tag, fields, list, count, meaning }]) => [
        String(tag),
        name,
        fields === undefined ? `a ${operationOf(list)}` : describe(fields),
        count,
        meaning,
      ]),
    ),
    ...Object.fromEntries(Object.entries(operations).map(([type, kinds]) => [`${type.replace('_', ' ')}s`, kindTable(kinds)])),
    numbers: Object.entries(names)
      .map(
        ([name, of]) =>
          `    ${name.padEnd(9)} ${Object.entries(of)
            .map(([word, value]) => `${value} ${word}`)
            .join(', ')}`,
      )
      .join('\n'),
    steps: wrap(steps.map((name, index) => `${index + 1}\u00A0${name}`).join(', '), 120, 0).replaceAll('\u00A0', ' '),
    events: table(
      ['kind', 'name', 'a', 'b', 'c'],
      Object.entries(events).map(([name, { kind, numbers }]) => [
        String(kind),
        name,
        ...numbers,
        ...Array<string>(3 - numbers.length).fill(''),
      ]),
    ),
  };
}

function kindTable(kinds: Readonly<Record<string, KindRule>>): string {
  return table(
    ['kind', 'name', 'fields'],
    Object.entries(kinds).map(([name, { kind, fields }]) => [String(kind), name, describe(fields)]),
  );
}

function operationOf(list: ItemRule['list']): string {
  return list === undefined ? '' : lists[list].replace('_', ' ');
}

function describe(fields: Fields): string {
  const shown = Object.entries(fields).filter(([, { type }]) => type !== 'flag');
  return shown
    .map(([name, field]) => (shown.length === 1 || name === typeOf(field) ? typeOf(field) : `${name}: ${typeOf(field)}`))
    .join(', ');
}

function typeOf(field: Field): string {
  if (field.type === 'number') return field.high < 0xffff_ffff ? `${field.low} to ${field.high}` : 'number';
  if (field.type !== 'choice' && field.type !== 'bits') return field.type.replace('-', ' ');
  return Object.keys(field.of).join(field.type === 'bits' ? ' + ' : ' or ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
