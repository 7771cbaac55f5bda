import fc from 'fast-check';
import { expect, test } from 'vitest';

import { IsolateError } from '../../src/error.ts';
import { parseSource } from '../../src/template/fill/source.ts';

const base = { workingDirectory: '/work', home: '/home/me' };
const scheme = fc.constantFrom(
  '',
  'debian:',
  'ubuntu:',
  'dir:',
  'tar:',
  'oci:',
  'oci-archive:',
  'docker-archive:',
  'docker://',
  'docker:',
  'x:',
);
const text = fc.tuple(scheme, fc.string({ unit: 'binary' })).map((parts) => parts.join(''));

test('any text is a source or a usage error; paths are absolute, and suites cannot be options', () => {
  fc.assert(
    fc.property(text, (from) => {
      let source;
      try {
        source = parseSource(from, base);
      } catch (error) {
        expect(error).toBeInstanceOf(IsolateError);
        expect(['usage', 'bad-name']).toContain((error as IsolateError).code);
        return;
      }
      if ('path' in source) expect(source.path).toMatch(/^\//);
      if (source.kind === 'distribution') expect(source.suite).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
    }),
  );
});
