import { expect, test } from 'vitest';
import { cloneProperties, clonesOf } from '../../../../src/storage/zfs/clones.ts';
import { parseProperties } from '../../../../src/storage/zfs/properties.ts';

const id = '17953122450000000000';

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

test('lists a marked clone whose template was renamed', () => {
  expect(list(clone(`p/t_${id}`, { origin: ['p/t2@s2', '-'] }))).toMatchObject([{ id, marked: true, source: 'p/t2@s2' }]);
});

test('does not count an inherited mark', () => {
  expect(list(clone(`p/t_${id}`, { 'isolate:template': ['p/t', 'inherited from p'] }))).toMatchObject([{ id, marked: false }]);
});

test('recognises a kept clone', () => {
  expect(list(clone(`p/t_${id}`, { 'isolate:keep': ['on', 'local'] }))).toMatchObject([{ kept: true }]);
  expect(list(clone(`p/t_${id}`, { 'isolate:keep': ['off', 'local'] }))).toMatchObject([{ kept: false }]);
});

test('gives no mountpoint if the clone is not mounted', () => {
  expect(list(clone(`p/t_${id}`, { mounted: ['no', '-'] }))).toMatchObject([{ mountpoint: null }]);
});

test.each([
  ['another name', clone('p/other')],
  ['a name that only begins alike', clone(`p/t_x_${id}`)],
  ['the template itself', clone('p/t')],
  ['an origin of another dataset and no mark', clone(`p/t_${id}`, { origin: ['p/t2@s2', '-'], 'isolate:template': ['-', '-'] })],
  ['an origin of another dataset and 19 digits', clone('p/t_1677838587626715157', { origin: ['p/t2@s2', '-'] })],
  ['no origin', clone(`p/t_${id}`, { origin: ['-', '-'] })],
  ['another mark', clone(`p/t_${id}`, { 'isolate:template': ['p/t2', 'local'] })],
  ['another type', clone(`p/t_${id}`, { type: ['volume', '-'] })],
  ['19 digits and no mark: the bash program made it', clone('p/t_1677838587626715157', { 'isolate:template': ['-', '-'] })],
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

/** `zfs get -H -p -r -d 1 -t filesystem` of OpenZFS 2.3.9 on the parent of a template with two clones and a stranger; recorded by test/openzfs. */
const recorded = [
  'tank/batch\ttype\tfilesystem\t-',
  'tank/batch\tguid\t10321991949842371548\t-',
  'tank/batch\torigin\t-\t-',
  'tank/batch\tcreation\t1795315467\t-',
  'tank/batch\tmounted\tyes\t-',
  'tank/batch\tmountpoint\t/tank/batch\tdefault',
  'tank/batch\tisolate:template\t-\t-',
  'tank/batch\tisolate:keep\t-\t-',
  'tank/batch\tisolate:session\t-\t-',
  'tank/batch/t\ttype\tfilesystem\t-',
  'tank/batch/t\tguid\t15542809173205151806\t-',
  'tank/batch/t\torigin\t-\t-',
  'tank/batch/t\tcreation\t1795315467\t-',
  'tank/batch/t\tmounted\tyes\t-',
  'tank/batch/t\tmountpoint\t/tank/batch/t\tdefault',
  'tank/batch/t\tisolate:template\t-\t-',
  'tank/batch/t\tisolate:keep\t-\t-',
  'tank/batch/t\tisolate:session\t-\t-',
  'tank/batch/t_1795312244000000002\ttype\tfilesystem\t-',
  'tank/batch/t_1795312244000000002\tguid\t9527425913414446094\t-',
  'tank/batch/t_1795312244000000002\torigin\ttank/batch/t@1\t-',
  'tank/batch/t_1795312244000000002\tcreation\t1795315468\t-',
  'tank/batch/t_1795312244000000002\tmounted\tyes\t-',
  'tank/batch/t_1795312244000000002\tmountpoint\t/run/clones/1795312244000000002\tlocal',
  'tank/batch/t_1795312244000000002\tisolate:template\ttank/batch/t\tlocal',
  'tank/batch/t_1795312244000000002\tisolate:keep\t-\t-',
  'tank/batch/t_1795312244000000002\tisolate:session\t-\t-',
  'tank/batch/t_1795312244000000003\ttype\tfilesystem\t-',
  'tank/batch/t_1795312244000000003\tguid\t2556528786938638328\t-',
  'tank/batch/t_1795312244000000003\torigin\ttank/batch/t@1\t-',
  'tank/batch/t_1795312244000000003\tcreation\t1795315468\t-',
  'tank/batch/t_1795312244000000003\tmounted\tyes\t-',
  'tank/batch/t_1795312244000000003\tmountpoint\t/run/clones/1795312244000000003\tlocal',
  'tank/batch/t_1795312244000000003\tisolate:template\ttank/batch/t\tlocal',
  'tank/batch/t_1795312244000000003\tisolate:keep\t-\t-',
  'tank/batch/t_1795312244000000003\tisolate:session\t-\t-',
  'tank/batch/t_1795312244000000778\ttype\tfilesystem\t-',
  'tank/batch/t_1795312244000000778\tguid\t5078395606047071246\t-',
  'tank/batch/t_1795312244000000778\torigin\t-\t-',
  'tank/batch/t_1795312244000000778\tcreation\t1795315470\t-',
  'tank/batch/t_1795312244000000778\tmounted\tyes\t-',
  'tank/batch/t_1795312244000000778\tmountpoint\t/tank/batch/t_1795312244000000778\tdefault',
  'tank/batch/t_1795312244000000778\tisolate:template\t-\t-',
  'tank/batch/t_1795312244000000778\tisolate:keep\tone',
  'two\tthree\tlocal',
].join('\n');

test('reads the list of OpenZFS: two clones, none of the template, its parent and a stranger with odd properties', () => {
  const clones = clonesOf('tank/batch/t', parseProperties(`${recorded}\n`, cloneProperties));
  const both = { source: 'tank/batch/t@1', marked: true, kept: false, createdMs: 1_795_315_468_000 };
  expect(clones).toEqual([
    { id: '1795312244000000002', guid: '9527425913414446094', mountpoint: '/run/clones/1795312244000000002', ...both },
    { id: '1795312244000000003', guid: '2556528786938638328', mountpoint: '/run/clones/1795312244000000003', ...both },
  ]);
});
