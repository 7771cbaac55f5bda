import fc from 'fast-check';
import { expect, test } from 'vitest';

import { createMatcher } from '../../../../src/changes/report/path-pattern.ts';
import { rules } from '../../../../src/changes/report/rules.ts';

function matches(pattern: string, path: string): boolean {
  return createMatcher([[pattern, true]]).match(path).length > 0;
}

test.each([
  ['etc/fstab', 'etc/fstab', true],
  ['etc/fstab', 'etc/fstab/x', false],
  ['etc/*', 'etc/.x', true],
  ['etc/*', 'etc/a/b', false],
  ['etc/*.d/S*', 'etc/rc3.d/S01x', true],
  ['etc/*.d/S*', 'etc/rc3.d/K01x', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c', false],
  ['ab*ba', 'aba', false],
  ['a*bb*b', 'abb', false],
  ['etc/**', 'etc', false],
  ['etc/**', 'etc/a/b', true],
  ['**/.git/config', '.git/config', true],
  ['**/.git/config', 'a/b/.git/config', true],
  ['**/.git/config', 'a/.git/b/config', false],
  ['**/.git/**/hooks/*', '.git/a/.git/b/hooks/c', true],
  ['**/a/**/a/b', 'a/a/b', true],
  ['**/a/**/a/b', 'a/b', false],
  ['{etc,usr/lib}/x.{a,b}', 'usr/lib/x.b', true],
  ['{etc,usr/lib}/x.{a,b}', 'usr/x.b', false],
  ['**', '.', true],
])('the pattern %s and the path %s: %s', (pattern, path, fits) => {
  expect(matches(pattern, path)).toBe(fits);
});

/** The same by a regular expression. */
function matchesSlowly(pattern: string, path: string): boolean {
  const body = pattern
    .split('/')
    .map((part) => (part === '**' ? '**' : part.split('*').join('[^/]*')))
    .join('/')
    .replace(/\*\*$/, '.+')
    .replaceAll('**/', '(?:[^/]+/)*');
  return new RegExp(`^${body}$`, 's').test(path);
}

const segments = (part: fc.Arbitrary<string>) => fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));
const pathsOfFew = segments(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 }));
const patterns = segments(
  fc.oneof(
    fc.constant('**'),
    fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 3 }).filter((part) => !part.includes('**')),
  ),
);

test('patterns match as the regular expressions that they stand for, alone and together', () => {
  fc.assert(
    fc.property(fc.uniqueArray(patterns, { maxLength: 5 }), pathsOfFew, (many, path) => {
      const found = new Set(createMatcher(many.map((pattern) => [pattern, pattern] as const)).match(path));
      expect([...found].toSorted()).toEqual(many.filter((pattern) => matchesSlowly(pattern, path)).toSorted());
    }),
    { numRuns: 2000 },
  );
});

test('all patterns of the table together look at few things for each part of a path', () => {
  const matcher = createMatcher(
    rules.flatMap(({ id, match }) =>
      match.by === 'path' || match.by === 'text' ? match.paths.map((pattern) => [pattern, id] as const) : [],
    ),
  );
  const paths = Array.from({ length: 10_000 }, (_, at) => `usr/lib/modules/${at}/kernel/drivers/net/.git/node_modules/x.ko`);
  for (const path of paths) matcher.match(path);
  expect(matcher.steps() / (paths.length * 10)).toBeLessThan(60);
});
