import { expect, test } from 'vitest';

import { localProperties } from '../../../src/template/dataset/states.ts';

test('a draft gets the properties of its template, without those that isolate gives it itself', () => {
  const properties = [
    'compression\tzstd',
    'canmount\tnoauto',
    'readonly\toff',
    'org.openzfs.systemd:ignore\ton',
    'isolate:template\tyes',
    'my:note\tx',
  ];
  expect(localProperties(`${properties.join('\n')}\n`)).toEqual(['compression=zstd', 'my:note=x']);
});
