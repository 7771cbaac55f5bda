import { expect, test } from 'vitest';
import { cloneId, cloneName, parentOf, poolOf } from '../../../../src/storage/zfs/names.ts';

test('names a clone as a sibling of its template', () => {
  expect({ cloneName: cloneName('tank/r/t', '12'), parentOf: parentOf('tank/r/t_12'), poolOf: poolOf('tank/r/t_12') }).toEqual({
    cloneName: 'tank/r/t_12',
    parentOf: 'tank/r',
    poolOf: 'tank',
  });
});

test.each(['tank/r/t', 'tank/r/t_', 'tank/r/t_1a', 'tank/r/t_1/x', 'tank/r/t_-1', 'tank/r/tt_1', 'tank/r/t_123456789012345678901'])(
  'takes %s for no clone of tank/r/t',
  (dataset) => {
    expect(cloneId('tank/r/t', dataset)).toBeNull();
  },
);
