import { expect, test } from 'vitest';

import { parseSource } from '../../../../src/template/fill/source.ts';

const base = { workingDirectory: '/home/ada/src', home: '/home/me' };

test.each([
  ['debian:bookworm', { kind: 'distribution', distribution: 'debian', suite: 'bookworm' }],
  ['ubuntu:noble', { kind: 'distribution', distribution: 'ubuntu', suite: 'noble' }],
  ['-', { kind: 'standard-input' }],
  ['tar:-', { kind: 'standard-input' }],
  ['tar:a:b.tar', { kind: 'archive', path: '/home/ada/src/a:b.tar' }],
  ['dir:/srv/x', { kind: 'directory', path: '/srv/x' }],
  ['root.tar.zst', { kind: 'path', path: '/home/ada/src/root.tar.zst' }],
  ['./debian:bookworm', { kind: 'path', path: '/home/ada/src/debian:bookworm' }],
  ['~/x', { kind: 'path', path: '/home/me/x' }],
  ['oci:image:latest', { kind: 'image', format: 'oci', locator: '/home/ada/src/image:latest' }],
  ['oci-archive:/x.tar', { kind: 'image', format: 'oci-archive', locator: '/x.tar' }],
  ['docker-archive:x.tar:a:b', { kind: 'image', format: 'docker-archive', locator: '/home/ada/src/x.tar:a:b' }],
  ['docker://debian:trixie', { kind: 'image', format: 'docker', locator: 'debian:trixie' }],
])('%s is understood', (text, source) => {
  expect(parseSource(text, base)).toEqual(source);
});

test.each([
  ['', 'A template cannot be made from "".', undefined],
  [
    'fedora:42',
    'A template cannot be made from "fedora:42".',
    'is it an image? docker://docker.io/library/fedora:42; else --from takes debian:SUITE, ubuntu:SUITE, DIRECTORY, TAR, -, oci:DIRECTORY, oci-archive:FILE, docker-archive:FILE, docker://IMAGE',
  ],
  ['docker:debian', 'A template cannot be made from "docker:debian".', 'did you mean docker://debian?'],
  ['debian', 'A template cannot be made from "debian".', 'name a release too, as in debian:trixie'],
  ['debian:', '"debian:" does not name a release.', 'as in debian:trixie or ubuntu:noble'],
  ['debian:--help', '"debian:--help" does not name a release.', 'as in debian:trixie or ubuntu:noble'],
  ['debian:../x', '"debian:../x" does not name a release.', 'as in debian:trixie or ubuntu:noble'],
])('%j is refused', (text, message, hint) => {
  const usual =
    '--from takes debian:SUITE, ubuntu:SUITE, DIRECTORY, TAR, -, oci:DIRECTORY, oci-archive:FILE, docker-archive:FILE, docker://IMAGE';
  expect(() => parseSource(text, base)).toThrow(expect.objectContaining({ message, hint: hint ?? usual }));
});

test('a path in the root directory begins with one slash', () => {
  expect(parseSource('x.tar', { ...base, workingDirectory: '/' })).toEqual({ kind: 'path', path: '/x.tar' });
});

test('~/ needs a home directory', () => {
  expect(() => parseSource('~/x', { ...base, home: null })).toThrow('"~/x" is in your home directory, and you have none.');
});
