import fc from 'fast-check';
import { expect, test } from 'vitest';

import { runOptions } from '../../src/spec/options/table.ts';
import { mergeOptions, namesRoot, type OptionValue, type OptionValues, requestOf } from '../../src/spec/options/values.ts';

const entry = fc.constantFrom(...runOptions).chain(({ long, value, repeatable }): fc.Arbitrary<[string, OptionValue]> => {
  const values: fc.Arbitrary<OptionValue> = value === undefined ? fc.boolean() : repeatable === true ? fc.array(fc.string()) : fc.string();
  return values.map((given) => [long, given]);
});
const someOptions: fc.Arbitrary<OptionValues> = fc.array(entry).map((entries) => new Map(entries));

/** What the order of the options does not change. */
const sorted = (values: OptionValues): unknown => [...values].toSorted(([a], [b]) => a.localeCompare(b));

test('layers can be merged in any grouping', () => {
  fc.assert(
    fc.property(someOptions, someOptions, someOptions, (a, b, c) => {
      expect(sorted(mergeOptions(mergeOptions(a, b), c))).toEqual(sorted(mergeOptions(a, mergeOptions(b, c))));
    }),
  );
});

test('what is on top holds: single values as they are, lists at the end, and its root alone', () => {
  fc.assert(
    fc.property(someOptions, someOptions, (under, over) => {
      const merged = mergeOptions(under, over);
      for (const [name, value] of over) {
        if (typeof value === 'object') expect(merged.get(name)?.valueOf()).toEqual([...((under.get(name) ?? []) as string[]), ...value]);
        else expect(merged.get(name)).toBe(value);
      }
      const ofRoot = (values: OptionValues): unknown => ['clone', 'zfs', 'template', 'ephemeral'].map((name) => values.get(name));
      if (namesRoot(over)) expect(ofRoot(merged)).toEqual(ofRoot(over));
    }),
  );
});

test('a flag that is false asks for nothing', () => {
  const flags = runOptions.filter(({ value }) => value === undefined);
  for (const { long, key, says } of flags) {
    const request = requestOf(new Map([[long, false]]), []);
    expect({ long, value: request[key] }).toEqual({ long, value: typeof says === 'string' ? undefined : says === false });
  }
});
