import { expect, test } from 'vitest';
import { cloneId, cloneName, parentOf, parseTemplateName, poolOf } from '../../../../src/storage/zfs/names.ts';

test.each(['rpool/isolate/debisl', 'tank/a', 'p/a.b:c-d_e'])('takes %s for a template', (name) => {
  expect(parseTemplateName(name)).toBe(name);
});

test.each([
  ['rpool/t@s', "'rpool/t@s' is a snapshot; name the dataset of the template."],
  ['rpool/t#b', "'rpool/t#b' is a bookmark, which cannot be cloned."],
  ['rpool', "'rpool' is a whole pool; isolate makes clones beside their template, so the template must be a dataset in the pool."],
  ['', "'' is not the name of a ZFS dataset."],
  ['/rpool/t', "'/rpool/t' is not the name of a ZFS dataset."],
  ['rpool/t/', "'rpool/t/' is not the name of a ZFS dataset."],
  ['rpool//t', "'rpool//t' is not the name of a ZFS dataset."],
  ['rpool/../t', "'rpool/../t' is not the name of a ZFS dataset."],
  ['-r/t', "'-r/t' is not the name of a ZFS dataset."],
  ['rpool/-t', "'rpool/-t' is not the name of a ZFS dataset."],
  ['rpool/a b', "'rpool/a b' is not the name of a ZFS dataset."],
  ['rpool/a\nb', "'rpool/a\nb' is not the name of a ZFS dataset."],
])('refuses %j', (name, message) => {
  expect(() => parseTemplateName(name)).toThrow(expect.objectContaining({ code: 'bad-name', message }));
});

test('refuses a name whose clones would have too long ones', () => {
  expect(parseTemplateName(`p/${'a'.repeat(232)}`)).toHaveLength(234);
  expect(() => parseTemplateName(`p/${'a'.repeat(233)}`)).toThrow(expect.objectContaining({ code: 'bad-name' }));
});

test('names a clone as a sibling of its template', () => {
  expect([cloneName('tank/r/t', '12'), parentOf('tank/r/t_12'), poolOf('tank/r/t_12')]).toEqual(['tank/r/t_12', 'tank/r', 'tank']);
});

test.each(['tank/r/t', 'tank/r/t_', 'tank/r/t_1a', 'tank/r/t_1/x', 'tank/r/t_-1', 'tank/r/tt_1', 'tank/r/t_123456789012345678901'])(
  'takes %s for no clone of tank/r/t',
  (dataset) => {
    expect(cloneId('tank/r/t', dataset)).toBeNull();
  },
);
