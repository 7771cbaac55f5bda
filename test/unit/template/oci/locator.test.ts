import { expect, it } from 'vitest';

import { splitLocator } from '../../../../src/template/oci/locator.ts';

const there = new Set(['/a', '/a:b', '/a:b:c.tar']);

it.each([
  ['/a', '/a', null],
  ['/a:v1', '/a', 'v1'],
  ['/a:b', '/a:b', null],
  ['/a:b:v1', '/a:b', 'v1'],
  ['/a:b:c.tar:registry:5000/x/y:v1', '/a:b:c.tar', 'registry:5000/x/y:v1'],
  ['/none:v1:v2', '/none', 'v1:v2'],
  ['/none', '/none', null],
  ['/a:', '/a:', null],
])('%j is the path %j with the image %j', (locator, path, name) => {
  expect(splitLocator(locator, (each) => there.has(each))).toEqual({ path, name });
});
