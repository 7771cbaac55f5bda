import fc from 'fast-check';
import { expect, test } from 'vitest';

import { options } from '../../src/cli/options.ts';
import { parseArguments, sortOptions } from '../../src/cli/parse-arguments.ts';
import { parseByYargs } from '../../src/cli/parser.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '"quoted"',
    "'q'",
    '1e3',
    '0x10',
    '-1',
    'true',
    'a=b',
    'a.b',
    '__proto__',
    'constructor',
    '--',
    '-z',
    '--no-env',
    '1,2',
    '',
  ),
);

test('values and words pass unchanged, whatever they look like', async () => {
  await fc.assert(
    fc.asyncProperty(
      hostile,
      fc.array(hostile, { minLength: 1 }),
      fc.array(hostile),
      fc.constantFrom('run', 'doctor'),
      async (dataset, variables, words, verb) => {
        expect(await parseArguments([verb, '--zfs', dataset, ...variables.flatMap((text) => ['-v', text]), '-1', '--', ...words])).toEqual({
          verb,
          flags: new Set(['x11']),
          values: new Map([['zfs', dataset]]),
          lists: new Map([['env', variables]]),
          words,
        });
      },
    ),
    { numRuns: 50 },
  );
});

test.each(['run', 'refresh'] as const)('for %s, sorting options comes to the same as yargs for all that can be given', async (verb) => {
  const option = fc.constantFrom(...options.filter(({ verbs }) => verbs.includes(verb)));
  const given = fc.uniqueArray(fc.tuple(option, hostile), { selector: ([{ long }]) => long }).chain((once) => {
    const repeatable = fc.constantFrom(...options.filter((candidate) => candidate.repeatable === true || candidate.value === undefined));
    return fc
      .array(
        fc.tuple(
          repeatable.filter(({ verbs }) => verbs.includes(verb)),
          hostile,
        ),
      )
      .map((more) => [...once, ...more]);
  });
  await fc.assert(
    fc.asyncProperty(given, fc.array(hostile), async (pairs, words) => {
      const split = {
        verb,
        given: pairs.map(([one, value]) => (one.value === undefined ? { option: one } : { option: one, value })),
        words,
      };
      expect(sortOptions(split)).toEqual(await parseByYargs(split));
    }),
    { numRuns: 50 },
  );
});
