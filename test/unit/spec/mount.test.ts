import { expect, test } from 'vitest';

import { IsolateError } from '../../../src/error.ts';
import { parseMount } from '../../../src/spec/mount.ts';

const parse = (text: string) => parseMount(text, '/work');

test.each([
  ['host-bind:/mnt=/srv/a', { source: '/srv/a', target: '/mnt', readOnly: false }],
  ['host-bind:/mnt=a:b=c', { source: '/work/a:b=c', target: '/mnt', readOnly: false }],
  ['host-bind:/mnt=/srv/a,b,ro', { source: '/srv/a,b', target: '/mnt', readOnly: true }],
  ['host-bind:/mnt=', { source: { memoryBytes: 2 ** 30 }, target: '/mnt', readOnly: false }],
  ['host-image:/data=disk.img', { source: { image: { file: '/work/disk.img', format: 'raw' } }, target: '/data', readOnly: false }],
  ['host-image:/data=/srv/d.qcow2', { source: { image: { file: '/srv/d.qcow2', format: 'qcow2' } }, target: '/data', readOnly: false }],
  ['host-image:/data=/srv/d', { source: { image: { file: '/srv/d', format: 'raw' } }, target: '/data', readOnly: false }],
  [
    'host-image:/data=/srv/d.qcow2,ro,format=raw',
    { source: { image: { file: '/srv/d.qcow2', format: 'raw' } }, target: '/data', readOnly: true },
  ],
  ['guest-bind:/opt=/mnt//x/', { source: { inside: '/mnt/x' }, target: '/opt', readOnly: false }],
  ['ram:/tmp/x=10M', { source: { memoryBytes: 10 * 2 ** 20 }, target: '/tmp/x', readOnly: false }],
  ['ram:/tmp/x=3GiB', { source: { memoryBytes: 3 * 2 ** 30 }, target: '/tmp/x', readOnly: false }],
])('the mount %s is %o', (text, expected) => {
  expect(parse(text)).toEqual(expected);
});

test.each([
  ['foo', 'bad-bind', 'No mount type prefix on "foo".'],
  ['xx:/a=b', 'bad-bind', 'Unknown mount type prefix on "xx:/a=b".'],
  ['h:/a=b', 'bad-bind', 'Unknown mount type prefix on "h:/a=b".'],
  [':/a=b', 'bad-bind', 'Unknown mount type prefix on ":/a=b".'],
  ['ram:/a', 'bad-bind', 'Missing mount source string on "ram:/a".'],
  ['ram:/a=', 'bad-bind', 'Missing mount source string on "ram:/a=".'],
  ['ram:/a=5X', 'usage', '--mount ram takes a size such as 512M or 2G, not "5X".'],
  ['ram:/a=5M,format=raw', 'bad-bind', 'Only a host-image has a format: "ram:/a=5M,format=raw".'],
  ['host-image:/a=b,format=zzz', 'usage', 'Unknown disk image format: "zzz" in "host-image:/a=b,format=zzz".'],
  ['guest-bind:/a=b', 'bad-bind', 'The source of a guest-bind "b" is not absolute.'],
  ['host-bind:a=/b', 'bad-bind', 'The --mount target "a" is not absolute.'],
  ['host-bind:/=/b', 'bad-bind', '"host-bind:/=/b" cannot be bound over / of the sandbox.'],
])('the mount %s is refused with its own error', (text, code, message) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code, message }));
  expect(() => parse(text)).toThrow(IsolateError);
});
