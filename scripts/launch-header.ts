import type { Field, Fields, Names } from '../src/launch/fields.ts';
import { type KindRule, names, operations } from '../src/launch/operations.ts';
import { events, type ItemRule, items, lists } from '../src/launch/schema.ts';
import { steps } from '../src/launch/steps.ts';

const kindSets: readonly (readonly [type: string, kinds: Readonly<Record<string, KindRule>>])[] = Object.entries(operations);
const rules: readonly (readonly [name: string, rule: ItemRule])[] = Object.entries(items);

/** The launch record's schema as tables in C: what launcher/schema.h has to be. */
export function renderLaunchHeader(): string {
  const numbered = Object.fromEntries(steps.map((name, index) => [name, index + 1]));
  return `${[
    '/* Written by scripts/build-schema.ts from src/launch/schema.ts; RECORD.md says what each item means. */',
    '#ifndef LAUNCH_SCHEMA_H',
    '#define LAUNCH_SCHEMA_H',
    '',
    '#include <stdbool.h>',
    '#include <stddef.h>',
    '#include <stdint.h>',
    '',
    enumeration('enum step', 'STEP', numbered),
    enumeration('enum event_kind', 'EVENT', numbersOf(events, 'kind')),
    enumeration('enum tag', 'TAG', numbersOf(items, 'tag')),
    ...kindSets.map(([type, kinds]) => enumeration('enum', prefixOf(type), numbersOf(kinds, 'kind'))),
    ...Object.entries(names).map(([prefix, of]) => enumeration('enum', constant(prefix), of)),
    '',
    'struct bytes { const uint8_t *at; uint32_t length; };',
    '/* `item`: its place in the record, from 1; `kind`: its tag, or that of the operation. */',
    ...elements().map(([name, fields]) => `struct ${name} { uint32_t item, kind; ${members(fields)} };`),
    '/* A list of texts ends with NULL. */',
    ...[...new Set(Object.values(lists))].map((name) => `struct ${name}s { ${elementType(name)} *items; size_t count; };`),
    'struct record {',
    ...Object.entries(lists).map(([list, element]) => `  struct ${element}s ${snake(list)};`),
    `  ${members(merge(rules.filter(([, { list }]) => list === undefined).map(([, { fields = {} }]) => fields)), '\n  ')}`,
    '  struct bytes whole; /* what it was read from */',
    '  void *texts, *bytes; /* what the texts and the contents point into */',
    '};',
    '',
    'enum field_type { FIELD_FLAG, FIELD_NUMBER, FIELD_BITS, FIELD_TEXT, FIELD_PATH, FIELD_OPTIONAL_PATH, FIELD_NAME, FIELD_VARIABLE, FIELD_BYTES };',
    'struct field { enum field_type type; size_t offset; uint32_t low, high; };',
    'struct shape { const struct field *fields; size_t count; };',
    '/* `kinds`: its value begins with the number of one of these. `size`: of an element of the list at `offset`; 0: no list. */',
    'struct rule { struct shape shape; const struct shape *kinds; size_t kind_count, offset, size; bool once, required; };',
    '',
    ...kindSets.flatMap(([type, kinds]) => shapeTables(type, kinds)),
    ...rules.map(([name, { fields, list }]) =>
      fields === undefined ? [] : fieldTable(`${snake(name)}_fields`, list === undefined ? 'record' : lists[list], fields),
    ),
    '/* By tag. */',
    'static const struct rule rules[] = {',
    ...rules.map(([name, rule]) => `  [${rule.tag}] = {${ruleOf(name, rule).join(', ')}},`),
    '};',
    '',
    '#endif',
  ]
    .flat()
    .join('\n')}\n`;
}

function shapeTables(type: string, kinds: Readonly<Record<string, KindRule>>): string[] {
  const name = (kind: string): string => `${snake(kind)}_${type}`;
  const shapes = Object.entries(kinds).map(([kind, rule]) => `[${rule.kind}] = {${name(kind)}, ${Object.keys(rule.fields).length}}`);
  return [
    ...Object.entries(kinds).map(([kind, { fields }]) => fieldTable(name(kind), type, fields)),
    `static const struct shape ${type}_shapes[] = {${shapes.join(', ')}};`,
  ];
}

/** Of `mount_operation`: MOUNT. */
function prefixOf(type: string): string {
  return constant(type.replace('_operation', ''));
}

function shapesOf(list: ItemRule['list']): string {
  return `${list === undefined ? '' : lists[list]}_shapes`;
}

function ruleOf(name: string, { fields, list, count, kinds }: ItemRule): string[] {
  return [
    fields === undefined
      ? `.kinds = ${shapesOf(list)}, .kind_count = sizeof ${shapesOf(list)} / sizeof *${shapesOf(list)}`
      : `{${snake(name)}_fields, ${Object.keys(fields).length}}`,
    ...(list === undefined ? [] : [`.offset = offsetof(struct record, ${snake(list)}), .size = sizeof(${elementType(lists[list])})`]),
    ...(count.endsWith('1') && kinds === undefined ? ['.once = true'] : []),
    ...(count.startsWith('1') ? ['.required = true'] : []),
  ];
}

/** The elements of lists that are structures, each with all the fields that an item or an operation of the list has. */
function elements(): [string, Fields][] {
  return [...new Set(Object.values(lists))]
    .filter((element) => element !== 'text')
    .map((element) => {
      const own = rules.map(([, rule]) => rule).filter(({ list }) => list !== undefined && lists[list] === element);
      const fields = own.flatMap(({ fields, kinds }) => [fields ?? {}, ...Object.values(kinds ?? {}).map((kind) => kind.fields)]);
      return [element, merge(fields)];
    });
}

function merge(all: readonly Fields[]): Fields {
  return Object.fromEntries(all.flatMap((fields) => Object.entries(fields)));
}

function elementType(element: string): string {
  return element === 'text' ? 'char *' : `struct ${element}`;
}

const cTypes = { flag: 'bool ', number: 'uint32_t ', choice: 'uint32_t ', bits: 'uint32_t ', bytes: 'struct bytes ' } as const;

function members(fields: Fields, separator = ' '): string {
  return Object.entries(fields)
    .map(([name, { type }]) => `${type in cTypes ? cTypes[type as keyof typeof cTypes] : 'const char *'}${snake(name)};`)
    .join(separator);
}

function fieldTable(name: string, struct: string, fields: Fields): string {
  const rows = Object.entries(fields).map(([field, rule]) => {
    const [low, high] = bounds(rule);
    const offset = struct === 'text' ? '0' : `offsetof(struct ${struct}, ${snake(field)})`;
    return `{FIELD_${constant(rule.type === 'choice' ? 'number' : rule.type)}, ${offset}, ${low}u, ${high}u}`;
  });
  return `static const struct field ${name}[] = {${rows.join(', ')}};`;
}

function bounds(field: Field): readonly [low: number, high: number] {
  switch (field.type) {
    case 'number':
      return [field.low, field.high];
    case 'choice':
      return [Math.min(...Object.values(field.of)), Math.max(...Object.values(field.of))];
    case 'bits':
      return [0, Object.values(field.of).reduce((sum, bit) => sum | bit, 0)];
    default:
      return [0, 0];
  }
}

function enumeration(type: string, prefix: string, of: Names): string {
  const entries = Object.entries(of).map(([name, value]) => `${prefix}_${constant(name)} = ${value}`);
  return `${type} { ${entries.join(', ')} };`;
}

function numbersOf<Key extends string>(of: Readonly<Record<string, Readonly<Record<Key, number>>>>, key: Key): Names {
  return Object.fromEntries(Object.entries(of).map(([name, rule]) => [name, rule[key]]));
}

function constant(name: string): string {
  return snake(name).toUpperCase();
}

function snake(name: string): string {
  return name.replaceAll('-', '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
