import { expect, test } from 'vitest';
import { cloneProperties, clonesOf } from '../../../../src/storage/zfs/clones.ts';
import { parseProperties } from '../../../../src/storage/zfs/properties.ts';

const id = '1795312245000000000';

/** One dataset as `zfs get -Hp` prints it. */
function dataset(
  name: string,
  values: Partial<Record<(typeof cloneProperties)[number], readonly [value: string, source: string]>>,
): string {
  return cloneProperties.map((property) => [name, property, ...(values[property] ?? ['-', '-'])].join('\t')).join('\n') + '\n';
}

function clone(name: string, changes: Parameters<typeof dataset>[1] = {}): string {
  return dataset(name, {
    type: ['filesystem', '-'],
    guid: ['17609540998223907855', '-'],
    origin: ['p/t@s2', '-'],
    creation: ['1795312245', '-'],
    mounted: ['yes', '-'],
    mountpoint: ['/run/isolate/mnt/x', 'local'],
    'isolate:template': ['p/t', 'local'],
    ...changes,
  });
}

const list = (text: string): ReturnType<typeof clonesOf> => clonesOf('p/t', parseProperties(text, cloneProperties));

test('lists a clone of ours with guid as text, because it has more bits than a number', () => {
  expect(list(clone(`p/t_${id}`))).toEqual([
    {
      id,
      guid: '17609540998223907855',
      source: 'p/t@s2',
      marked: true,
      kept: false,
      createdMs: 1_795_312_245_000,
      mountpoint: '/run/isolate/mnt/x',
    },
  ]);
});

test('lists a clone that was made but not marked as unmarked', () => {
  expect(list(clone(`p/t_${id}`, { 'isolate:template': ['-', '-'] }))).toMatchObject([{ id, marked: false }]);
});

test('takes an inherited mark for no mark', () => {
  expect(list(clone(`p/t_${id}`, { 'isolate:template': ['p/t', 'inherited from p'] }))).toMatchObject([{ id, marked: false }]);
});

test('tells a kept clone', () => {
  expect(list(clone(`p/t_${id}`, { 'isolate:keep': ['on', 'local'] }))).toMatchObject([{ kept: true }]);
  expect(list(clone(`p/t_${id}`, { 'isolate:keep': ['off', 'local'] }))).toMatchObject([{ kept: false }]);
});

test('gives no mountpoint where the clone is not mounted', () => {
  expect(list(clone(`p/t_${id}`, { mounted: ['no', '-'] }))).toMatchObject([{ mountpoint: null }]);
});

test.each([
  ['another name', clone('p/other')],
  ['a name that only begins alike', clone(`p/t_x_${id}`)],
  ['the template itself', clone('p/t')],
  ['an origin of another dataset', clone(`p/t_${id}`, { origin: ['p/t2@s2', '-'] })],
  ['no origin', clone(`p/t_${id}`, { origin: ['-', '-'] })],
  ['another mark', clone(`p/t_${id}`, { 'isolate:template': ['p/t2', 'local'] })],
  ['another type', clone(`p/t_${id}`, { type: ['volume', '-'] })],
  ['a short number and no mark: somebody made it by hand', clone('p/t_2', { 'isolate:template': ['-', '-'] })],
])('leaves out a dataset with %s', (_name, text) => {
  expect(list(text)).toEqual([]);
});

test('leaves out a dataset whose lines a value with newlines imitates, and keeps the others', () => {
  const forged = clone(`p/t_${id}`, { 'isolate:keep': ['x\n' + clone(`p/t_2${id.slice(1)}`).trimEnd(), 'local'] });
  const victim = clone(`p/t_2${id.slice(1)}`);
  expect(list(forged + victim + clone(`p/t_3${id.slice(1)}`)).map((one) => one.id)).toEqual([`3${id.slice(1)}`]);
});

test('leaves out a dataset that is cut off', () => {
  expect(list(clone(`p/t_${id}`).split('\n').slice(0, 5).join('\n'))).toEqual([]);
});
