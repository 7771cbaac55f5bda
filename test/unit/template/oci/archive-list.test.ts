import { expect, it } from 'vitest';

import { parseMember } from '../../../../src/template/oci/archive-list.ts';

it.each([
  ['-rw-r--r-- 0/0             137 1970-01-01 00:00 manifest.json', { name: 'manifest.json', member: { kind: 'file' } }],
  ['-rw-r--r-- 1000/65534 1 1970-01-01 00:00 ./a -> b', { name: './a -> b', member: { kind: 'file' } }],
  [
    'lrwxrwxrwx 0/0 0 1970-01-01 00:00 b/layer.tar -> ../a/layer.tar',
    { name: 'b/layer.tar', member: { kind: 'link', target: 'a/layer.tar' } },
  ],
  ['lrwxrwxrwx 0/0 0 1970-01-01 00:00 b -> /../../etc/shadow', { name: 'b', member: { kind: 'link', target: 'etc/shadow' } }],
  ['hrw-r--r-- 0/0 0 1970-01-01 00:00 b/x link to a/x', { name: 'b/x', member: { kind: 'link', target: 'a/x' } }],
  ['drwxr-xr-x 0/0 0 1970-01-01 00:00 blobs/', { name: 'blobs/', member: { kind: 'other' } }],
  ['crw-r--r-- 0/0 1,3 1970-01-01 00:00 null', { name: 'null', member: { kind: 'other' } }],
  [String.raw`-rw-r--r-- 0/0 1 1970-01-01 00:00 a\nb`, null],
  ['tar: something else', null],
  ['', null],
])('the line %j of tar says %j', (line, expected) => {
  expect(parseMember(line)).toEqual(expected);
});
