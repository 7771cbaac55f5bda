import { expect, test } from 'vitest';

import { IsolateError } from '../../../../src/error.ts';
import { registryOf } from '../../../../src/template/oci/reference.ts';
import { parsePushTarget } from '../../../../src/template/push/target.ts';

const base = { workingDirectory: '/work', home: '/home/ada' };

test.each([
  ['docker://localhost:5000/a/b:1', { kind: 'registry', reference: 'localhost:5000/a/b:1' }],
  ['oci:layout', { kind: 'layout', path: '/work/layout', name: null }],
  ['oci:/a:b/layout', { kind: 'layout', path: '/a:b/layout', name: null }],
  ['oci:~/layout:1.0', { kind: 'layout', path: '/home/ada/layout', name: '1.0' }],
  ['oci-archive:a.tar:debian', { kind: 'archive', path: '/work/a.tar', name: 'debian' }],
])('%s is a target', (text, target) => {
  expect(parsePushTarget(text, base)).toEqual(target);
});

test.each([
  ['debian', 'usage: A template cannot be pushed to "debian".'],
  ['docker:debian', 'usage: A template cannot be pushed to "docker:debian".'],
  ['docker-archive:x.tar', 'usage: A template cannot be pushed to "docker-archive:x.tar".'],
  ['docker://--help', 'bad-source: docker://--help is no image of a registry.'],
  ['oci:layout:a b', 'usage: "a b" is not a name for an image.'],
])('%s is none', (text, message) => {
  let error: unknown;
  try {
    parsePushTarget(text, base);
  } catch (reason) {
    error = reason;
  }
  expect(error instanceof IsolateError && `${error.code}: ${error.message}`).toBe(message);
});

test('the registry of an image is the first part of its name, if that looks like a host', () => {
  const references = ['debian', 'team/debian', 'localhost/debian', 'host:5000/debian:1', 'quay.io/a/b@sha256:0'];
  expect(references.map(registryOf)).toEqual(['docker.io', 'docker.io', 'localhost', 'host:5000', 'quay.io']);
});
