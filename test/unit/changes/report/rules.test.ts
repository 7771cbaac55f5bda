import { describe, expect, test } from 'vitest';

import { rules } from '../../../../src/changes/report/rules.ts';
import { itemsOf } from './make-changes.ts';
import { ruleCases } from './rule-cases.ts';

test('every rule has a case that triggers it and one that almost does', () => {
  expect(Object.keys(ruleCases).toSorted()).toEqual(rules.map(({ id }) => id).toSorted());
});

test('no two rules have the same id', () => {
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
});

test('a package that claims a file cannot hide it from a rule of high risk', () => {
  expect(rules.filter(({ risk, general }) => risk === 'high' && general === true)).toEqual([]);
});

test('what a rule counts and why it matters is said in words without a comma or a full stop too many', () => {
  for (const { what, why } of rules) {
    expect(what.join(' ')).not.toMatch(/[,;.]/);
    expect(why).toMatch(/^\S[^.]*(?:\.\S[^.]*)*\.$/);
  }
});

describe.each(Object.entries(ruleCases))('the rule %s', (id, { triggers, items, almost }) => {
  test('finds what triggers it', () => {
    expect(itemsOf(triggers)[id]).toEqual(items);
  });

  test('does not find what almost triggers it', () => {
    expect(Object.keys(itemsOf(almost))).not.toContain(id);
  });
});
